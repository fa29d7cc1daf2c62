// SPDX-License-Identifier: Apache-2.0
// expect: the harness refuses a test that fails for another reason
#ifdef PROVISO_FAIL
static_assert(sizeof(char) == 2, "another reason");
#endif
