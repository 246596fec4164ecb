#pragma once
#include "wye/core/channel.hpp"
#include "wye/core/segment.hpp"
#include "wye/core/semaphore.hpp"
#include "wye/core/uri.hpp"

#include <functional>
#include <utility>
#include <variant>
#include <vector>

namespace wye {
namespace sys {
struct Snapshot;  // os/snapshot/snapshot.hpp
}
struct Inventory;  // wye/core/inventory.hpp

struct OpenOptions {
    Mode mode = Mode::both;
    Create create = Create::never;
    unsigned permissions = 0600;  ///< of what is created; the umask does not widen or narrow it
};

struct RemoveOptions {
    bool dry_run = false;  ///< look for it, and leave it there; whether it may be removed is not asked
};

/// Two connected ends in one process, to be parted by fork() or handed over. `first` reads where data flows one way.
struct ChannelPair {
    Channel first, second;
};

/// Something that exists on this host: a row of `ls`, and what `rm` names.
struct Object {
    std::string uri;
    std::uint32_t owner = 0;
    unsigned mode = 0;
    std::uint64_t bytes = 0, items = 0;
};

/// What `wye inspect` shows of one object: facts about it, and rows about its parts. What is named alike has the same
/// facts.
struct Inspection {
    using Value = std::variant<bool, std::uint64_t, std::string>;
    using Facts = std::vector<std::pair<std::string_view, Value>>;
    struct Part {
        std::string_view kind;  ///< "participant", "lane"
        Facts facts;
    };
    Facts facts;
    std::vector<Part> parts;
};

template <class T>
using Visit = std::move_only_function<void(const T&)>;

/// A means, as a table: the last lines of each room. The command, open(), the tour, the bench and the README's table
/// know a room by this and by nothing else; `registry/mechanisms.cpp` lists them all.
///
/// A null slot means that the kind has no such thing: a pipe has no name to open, a socket pair nothing to remove.
struct Mechanism {
    Traits traits;
    std::string_view summary;  ///< one line for people
    std::string_view example;  ///< a right URI
    std::span<const Param> params = {};
    bool fragment = false;  ///< '#' is part of its addresses
    Result<Channel> (*open)(const Uri&, const OpenOptions&, Deadline) = nullptr;
    Result<ChannelPair> (*open_pair)(const Uri&, const OpenOptions&) = nullptr;
    /// A kind that counts and carries nothing: no open, but this.
    Result<Semaphore> (*open_semaphore)(const Uri&, const SemaphoreOptions&, Deadline) = nullptr;
    /// A kind that is memory: no open, but this.
    Result<Segment> (*open_segment)(const Uri&, const SegmentOptions&) = nullptr;
    Result<> (*make)(const Uri&, const OpenOptions&) = nullptr;      ///< create the object and leave it there
    Result<> (*remove)(const Uri&, const RemoveOptions&) = nullptr;  ///< Errc::not_found when it is not there
    Result<> (*list)(Visit<Object>) = nullptr;                       ///< every such object this process may see
    Result<Inspection> (*inspect)(const Uri&) = nullptr;             ///< looks, and changes nothing
    void (*see)(const sys::Snapshot&, Inventory&) = nullptr;         ///< adds what there is of its kind (`wye ls`)
    /// Addresses that nobody uses yet, one a variant (unix: stream, seqpacket, dgram), below the directory where they
    /// have a path: for the tour, the bench and the tests. The reading side adds `listen` where params has it.
    std::vector<std::string> (*scratch)(const std::string& directory) = nullptr;
    /// Where the other end is a process that open() starts: how that process opens its own end.
    std::string_view started_peer = {};
    bool inherited = false;  ///< its addresses are numbers of descriptors that a process was started with
};

// For a room whose kind is there when `Open` has made it and let go: its `open` and its `make`.
template <auto Open>
Result<Channel> open_by(const Uri& uri, const OpenOptions& how, Deadline) {
    WYE_TRY(auto end, Open(uri, how));
    return Channel(std::move(end));
}
template <auto Open>
Result<> make_by(const Uri& uri, const OpenOptions& how) {
    WYE_CHECK(Open(uri, how));
    return {};
}

/// The URI with one more parameter: with_param("unix:/x?type=dgram", "listen").
std::string with_param(std::string_view uri, std::string_view param);

inline bool takes(const Mechanism& m, std::string_view param) noexcept {
    for (const auto& p : m.params)
        if (p.name == param) return true;
    return false;
}

}  // namespace wye
