#pragma once
#include "wye/pattern/carrier.hpp"

namespace wye::carrier {
const Carrier& posix_mq_carrier();
const Carrier& sysv_mq_carrier();
}  // namespace wye::carrier
