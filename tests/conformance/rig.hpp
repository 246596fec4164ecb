// How the conformance suite gets at a means: one object, and how each side opens it.
#pragma once
#include "wye/registry/open.hpp"

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace wye::test {

/// Made in the parent before any fork; readers() and writer() are called in the process that reads or writes.
class Rig {
public:
    virtual ~Rig() = default;
    /// In the parent, before the fork: creates, binds, listens.
    virtual Result<> prepare() { return {}; }
    /// One channel where all writers share the object, one a writer where each has a connection.
    virtual Result<std::vector<Channel>> readers(unsigned writers) = 0;
    virtual Result<Channel> writer() = 0;
    /// After the rig has let go: a description of what is still there, "" when nothing is.
    virtual std::string leftovers() { return {}; }
};

struct Subject {
    std::string name;  // "unix_seqpacket", "pipe_lines"
    Traits traits;
    Framing framing = Framing::frame;
    std::function<std::unique_ptr<Rig>()> make;
    unsigned most_writers = 8;
    bool forgets = false;  // what is sent while nobody reads
};

inline void PrintTo(const Subject& s, std::ostream* out) { *out << s.name; }

std::vector<Subject> subjects();

}  // namespace wye::test
