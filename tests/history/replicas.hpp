// What each server of a cluster holds of a stream, asked of it while it hears of no other.
#pragma once
#include "wye/base/deadline.hpp"

#include "history/history.hpp"

#include <functional>

namespace wye::test {

struct Servers {
    std::vector<std::string> uris;                ///< of each
    std::function<void(std::size_t)> alone = {};  ///< from here on it, at least, hears of no other
    std::function<void()> together = {};
};

/// Makes a stream of which each server lets its own replica be read (allow_direct), as the carrier would: a queue's,
/// or one that keeps everything.
void make_stream(const Servers&, const std::string& name, const std::vector<std::string>& subjects, bool queue);

std::string version_of(const Servers&);

/// What its leader says of a queue's stream and of its workers, in the server's words.
std::string state_of(const Servers&, const std::string& stream);

/// What each of them holds, once they agree; what they do not have in common at the deadline they will not have later.
std::vector<Replica> replicas(const Servers&, const std::string& stream, Deadline);

}  // namespace wye::test
