// SPDX-License-Identifier: Apache-2.0
// expect: the order inside takes no tokens back and evaluates no model
#include <proviso/proviso.hpp>

int main() {
#ifdef PROVISO_FAIL
  using inside = proviso::orders::remasking;
#else
  using inside = proviso::orders::ancestral;
#endif
  return static_cast<int>(sizeof(proviso::orders::energy<inside>)) > 0 ? 0 : 1;
}
