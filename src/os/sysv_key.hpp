// The keys of System V objects.
#pragma once
#include "wye/base/error.hpp"

#include <cerrno>
#include <cstdint>
#include <string>

namespace wye::sys {

/// As ftok(3) makes it of a file and a number from 1 to 255.
Result<std::int32_t> sysv_key(const std::string& path, unsigned project);

/// As a URI has it: 0x51.
std::string key_text(std::int32_t key);

/// Another each time, and never IPC_PRIVATE.
std::int32_t random_key() noexcept;

/// One that no object has, where `get(key)` is msgget, semget or shmget without IPC_CREAT.
template <class Get>
std::int32_t unused_key(Get&& get) {
    for (;;)
        if (const auto key = random_key(); get(key) == -ENOENT) return key;
}

}  // namespace wye::sys
