// Which file a System V object was made for: ftok(3) keeps so little of it that two files may have one key.
#pragma once
#include "wye/core/endpoint.hpp"

#include "io/sysv_address.hpp"

namespace wye {

/// Errc::mismatch where the object `id`, found by the key of a file, stands for another file that has this key as well.
/// With `create` the file is written down as the object's, if none is.
///
/// The record is a symbolic link in this user's directory, which is made whole or not at all: "ID PATH" under the name
/// of the key. It binds only while its object is there and its file has that key: else it is replaced. Without one, as
/// for what other programs and other users made, everybody is right.
Result<> check_path(std::string_view scheme, const SysvAddress&, int id, Create create);

/// When the object was removed.
void forget_path(std::string_view scheme, std::int32_t key, int id) noexcept;

}  // namespace wye
