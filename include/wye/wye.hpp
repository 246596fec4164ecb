#pragma once
// Everything for users who open by URI. A program that names one means includes that room's header instead.
#include "wye/base/bytes.hpp"
#include "wye/base/deadline.hpp"
#include "wye/base/error.hpp"
#include "wye/base/main.hpp"
#include "wye/core/channel.hpp"
#include "wye/pattern/pub_sub.hpp"
#include "wye/pattern/request.hpp"
#include "wye/pattern/work_queue.hpp"
#include "wye/registry/open.hpp"
