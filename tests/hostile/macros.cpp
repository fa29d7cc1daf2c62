// SPDX-License-Identifier: Apache-2.0
// The library must compile after macros that other headers define, and must leave them defined.
#include "standard_headers.hpp"

// X11
#define None this name is a macro
#define Bool this name is a macro
#define Status this name is a macro
#define Success this name is a macro
#define Always this name is a macro

// windows.h and its friends
#define small this name is a macro
#define near this name is a macro
#define far this name is a macro
#define interface this name is a macro
#define hyper this name is a macro
#define pascal this name is a macro
#define cdecl this name is a macro
#define IN this name is a macro
#define OUT this name is a macro
#define OPTIONAL this name is a macro
#define ERROR this name is a macro
#define DELETE this name is a macro
#define CONST this name is a macro
#define VOID this name is a macro
#define TRUE this name is a macro
#define FALSE this name is a macro
#define grp1 this name is a macro

// <complex.h>, <math.h>, <termios.h>, <sys/sysmacros.h>
#undef I
#define I this name is a macro
#define DOMAIN this name is a macro
#define OVERFLOW this name is a macro
#define UNDERFLOW this name is a macro
#define B0 this name is a macro
#define major this name is a macro
#define minor this name is a macro
#undef linux
#define linux this name is a macro
#undef unix
#define unix this name is a macro

// Qt, Objective-C, test and logging libraries
#define emit this name is a macro
#define signals this name is a macro
#define slots this name is a macro
#define foreach this name is a macro
#define forever this name is a macro
#define nil this name is a macro
#define YES this name is a macro
#define NO this name is a macro
#define CHECK this name is a macro
#define REQUIRE this name is a macro
#define LOG this name is a macro
#define INFO this name is a macro

// newlib and other C libraries
#define _B this name is a macro
#define _C this name is a macro
#define _L this name is a macro
#define _N this name is a macro
#define _P this name is a macro
#define _S this name is a macro
#define _U this name is a macro
#define _X this name is a macro

#define min(a, b) this name is a macro
#define max(a, b) this name is a macro

#include "everything.hpp"

#if !defined(I) || !defined(min) || !defined(max) || !defined(small) || !defined(emit) || !defined(None)
#error "a header undefines a macro that is not its own"
#endif
