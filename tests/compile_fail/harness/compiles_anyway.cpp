// SPDX-License-Identifier: Apache-2.0
// expect: the harness refuses a test that always compiles
int main() {}
