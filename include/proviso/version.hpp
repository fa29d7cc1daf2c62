// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The version of the library, the only place where it is written: CMake reads these three lines.
/// Versions with the same major and minor number are compatible while the major number is 0.
#define PROVISO_VERSION_MAJOR 0
#define PROVISO_VERSION_MINOR 1
#define PROVISO_VERSION_PATCH 0
