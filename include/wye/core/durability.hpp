#pragma once
#include <cstdint>

namespace wye {

/// What an acknowledged message survives. Asked for by name, and refused (Errc::unsupported, with the reason) where the
/// carrier cannot give it.
enum class Durability : std::uint8_t {
    none,     ///< the processes that take part
    process,  ///< the death of any process, also of the server that keeps it
    power,    ///< the loss of power of every machine that keeps it
};

}  // namespace wye
