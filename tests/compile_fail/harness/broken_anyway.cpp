// SPDX-License-Identifier: Apache-2.0
// expect: the harness refuses a test that never compiles
static_assert(sizeof(char) == 2, "the harness refuses a test that never compiles");
