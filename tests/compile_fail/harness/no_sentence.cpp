// SPDX-License-Identifier: Apache-2.0
#ifdef PROVISO_FAIL
static_assert(sizeof(char) == 2, "the harness refuses a test without an expectation");
#endif
