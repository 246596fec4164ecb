// A wait in words, as wye wait and wye map have it.
#pragma once
#include "registry/waits.hpp"

#include <string>
#include <string_view>

namespace wye::cli {

std::string named(const std::string& comm, std::int32_t pid);  ///< "a[1]", escaped
std::string waiter_of(const Wait&);                            ///< "a[1]", "a[1] thread 2"
std::string name_of(const Wait&);                              ///< "3 key 0x2a [1]": of a set, which semaphore
std::string object_of(const Wait&);                            ///< the same after its kind
std::string_view last_did(const Wait&);                        ///< what whoever was last at it did there
/// "a[1] b[2] +3", "last changed by a[1] ?"; "?" stands for whom nobody sees, or whoever opens its name.
std::string cured_by(const Wait&);

}  // namespace wye::cli
