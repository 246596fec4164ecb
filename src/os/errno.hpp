// Where an errno becomes an Error.
#pragma once
#include "wye/base/error.hpp"

#include <string_view>

namespace wye::sys {

/// The reaction an errno calls for. The same number means different things to different calls; the few such cases
/// are settled in the rooms, before this is asked.
Errc classify(int error) noexcept;

/// `negative` is what a sys:: call answered.
inline Error error(long negative, const char* op, std::string_view subject = {}) noexcept {
    const int e = static_cast<int>(-negative);
    return Error(classify(e), op, subject, e);
}
inline std::unexpected<Error> fail(long negative, const char* op, std::string_view subject = {}) noexcept {
    return std::unexpected(error(negative, op, subject));
}

}  // namespace wye::sys
