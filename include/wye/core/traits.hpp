#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace wye {

// The five columns of the classic table (`wye means`).
enum class Timing : std::uint8_t { sync, async, both };  ///< sync: a writer needs a reader; async: the object keeps it
enum class Direction : std::uint8_t { one_way, both_ways };  ///< per object, seen from one end
enum class Relation : std::uint8_t { any, related };      ///< related: no name, so inherited or passed as a descriptor
enum class Reach : std::uint8_t { host, network };        ///< how far the other end may be
enum class Data : std::uint8_t { none, word, variable };  ///< what one act carries

enum class Boundaries : std::uint8_t { stream, message };  ///< who keeps messages apart: our framing, or the kernel
enum class Lifetime : std::uint8_t { handle, kernel, filesystem };  ///< what must vanish before the object does

/// What a means can do, known at compile time: `Pipe::traits.passes_fds`. The same struct at run time on a Channel.
struct Traits {
    std::string_view scheme;  ///< of its URIs
    std::string_view name;    ///< for people
    Timing timing = Timing::sync;
    Direction direction = Direction::both_ways;
    Relation relation = Relation::any;
    Reach reach = Reach::host;
    Data data = Data::variable;

    Boundaries boundaries = Boundaries::message;
    Lifetime lifetime = Lifetime::handle;
    bool pollable = true;         ///< native_handle() works with poll and epoll
    bool loans = false;           ///< loan() and take() avoid the copy
    bool passes_fds = false;      ///< descriptors can travel with a message
    bool priorities = false;      ///< Meta::priority is honoured
    bool types = false;           ///< Meta::type is carried and can be asked for
    bool ordered = true;          ///< what one sender sends arrives in that order (within a priority)
    bool lossless = true;         ///< what send() took arrives, or an error says otherwise
    bool sees_close = true;       ///< the other end's close is seen as Errc::closed
    bool empty_messages = true;   ///< a message of no bytes is a message
    bool duplex = false;          ///< two directions of its own: what one end sends, only the other end reads
    bool stored = false;          ///< what was sent stays readable: reading has an end before the writers have
    bool many_writers = true;     ///< several writers on one object, never interleaved
    bool permits_return = false;  ///< a unit held by a process that died comes back
    bool redelivers = false;      ///< a message taken by a process that died comes again
    std::size_t max_message = 0;  ///< 0: ask the open endpoint's max_message()
};

std::string_view name(Timing) noexcept;     ///< "sync", "async", "both"
std::string_view name(Direction) noexcept;  ///< "one way", "both ways"
std::string_view name(Relation) noexcept;   ///< "any", "related"
std::string_view name(Reach) noexcept;      ///< "host", "network"
std::string_view name(Data) noexcept;       ///< "none", "one word", "variable"
std::string_view name(Boundaries) noexcept;
std::string_view name(Lifetime) noexcept;

}  // namespace wye
