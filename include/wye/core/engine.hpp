#pragma once
#include "wye/base/bytes.hpp"
#include "wye/base/deadline.hpp"
#include "wye/base/error.hpp"
#include "wye/core/durability.hpp"
#include "wye/core/endpoint.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// A messaging engine: a server, or a cluster of them, that other machines reach too. This is what the patterns need of
// one, in its own words: subjects (`prices.fx.eur`, with the wildcards of a topic), groups that share what comes, and
// streams, which keep what was published until it was read or is too old.
//
// Errors everywhere: Errc::timed_out, and nothing was done; Errc::unknown, and it may have been; Errc::closed, the
// connection was ended for good (credentials refused, say); Errc::too_big before anything is sent; Errc::unsupported in
// the child of a fork(), where the connection is the parent's.
namespace wye::engine {

/// Beside a message. Names are case-sensitive tokens, values one line; both are checked (Errc::bad_address).
struct Header {
    std::string_view name, value;
};

struct Outgoing {
    std::string_view subject;
    Bytes bytes = {};
    std::string_view reply = {};  ///< where an answer goes
    std::span<const Header> headers = {};
};

/// What came, owned: its views live as long as it does. What another wrote is input.
class Message {
public:
    struct Kind {
        void (*drop)(void*) noexcept;
        std::string_view (*header)(void*, const char* name) noexcept;  ///< data() is null where there is none
    };
    Message() = default;
    Message(const Kind& kind, void* self, std::string_view s, std::string_view r, Bytes b) noexcept
        : subject(s), reply(r), bytes(b), kind_(&kind), self_(self) {}
    Message(Message&& o) noexcept { *this = std::move(o); }
    Message& operator=(Message&& o) noexcept {
        if (this == &o) return *this;
        drop();
        subject = o.subject, reply = o.reply, bytes = o.bytes, came = o.came, kind_ = o.kind_;
        self_ = std::exchange(o.self_, nullptr);
        return *this;
    }
    ~Message() { drop(); }

    std::string_view header(const char* name) const noexcept {
        return self_ ? kind_->header(self_, name) : std::string_view();
    }

    std::string_view subject, reply;
    Bytes bytes;
    Deadline::Clock::time_point came{};  ///< InboxOptions::stamps

private:
    void drop() noexcept {
        if (self_) kind_->drop(self_);
    }
    const Kind* kind_ = nullptr;
    void* self_ = nullptr;
};

struct InboxOptions {
    std::string group = {};    ///< each message goes to one of the group
    std::size_t most = 65536;  ///< messages that wait here; one more drops the oldest, and is counted
    std::size_t most_bytes = 64 << 20;
    bool stamps = false;  ///< Message::came
    /// Called for each message as it comes, by the engine's own thread, before it waits here; false: it does not. It
    /// must not block, nor call this inbox.
    std::move_only_function<bool(const Message&)> on_arrival = {};
};

/// What was subscribed to, as it comes. After a reconnection it goes on; what was published in between is lost.
class Inbox {
public:
    virtual ~Inbox() = default;
    virtual Result<> hear(const std::string& subject) = 0;  ///< one more subject
    virtual Result<Message> next(Deadline) = 0;
    virtual std::uint64_t dropped() const noexcept = 0;  ///< exactly: those that came here and found no place
    virtual int native_handle() noexcept = 0;            ///< readable when next() may find something
};

enum class Retention : std::uint8_t {
    limits,  ///< kept until the stream is full, then the oldest goes
    work,    ///< kept until one reader has done with it; a full stream takes nothing more
};

struct StreamOptions {
    std::string name;
    std::vector<std::string> subjects;
    Retention retention = Retention::limits;
    Create create = Create::if_missing;
    std::uint64_t max_bytes = 0;  ///< 0: the server's limit
    unsigned replicas = 0;        ///< 0: one, and what is there is taken as it is
    Durability durability = Durability::process;
    std::chrono::milliseconds duplicate_window{120'000};
};

/// A stream as it was seen: `created` is its identity. A stream of that name with another one is not this stream.
struct Stream {
    std::string name;
    std::int64_t created = 0;  ///< nanoseconds since 1970, by the server's clock
    std::uint64_t first = 0, last = 0, messages = 0, bytes = 0;
    unsigned replicas = 1;
    std::chrono::milliseconds duplicate_window{};
    Retention retention = Retention::limits;
};

/// The place a stream gave to a message.
struct Receipt {
    std::uint64_t sequence = 0;
    bool duplicate = false;  ///< a message with this id was there already, at this place
};

enum class Start : std::uint8_t { all, now, at };

struct PullerOptions {
    Stream stream;
    std::string durable = {};  ///< the server remembers under this name how far it came
    std::string filter = {};   ///< one subject, with wildcards
    Start start = Start::all;
    std::uint64_t sequence = 0;               ///< Start::at
    bool settles = true;                      ///< each is to be done(); false: the server forgets it when it is sent
    std::chrono::milliseconds lease{30'000};  ///< unsettled for so long, it comes again, to anyone
    unsigned most_deliveries = 0;             ///< then the server gives up; 0: never
    unsigned ahead = 1;                       ///< messages that may be under way to here at a time
};

struct Delivery {
    Message message;
    unsigned deliveries = 1;
    std::uint64_t sequence = 0;  ///< in the stream
    std::uint64_t pending = 0;   ///< behind it, when it was sent
};

struct Depth {
    std::uint64_t waiting = 0, in_hand = 0;
};

/// Takes from a stream as fast as its caller does. Errc::corrupt: the stream or its memory of us is gone, or was made
/// anew, and what it held is not there any more; it is never made again silently.
class Puller {
public:
    virtual ~Puller() = default;
    virtual Result<Delivery> next(Deadline) = 0;
    /// `sure`: returns when the server has noted it, and most of the servers that keep a queue. Else it is on its way.
    virtual Result<> done(const Delivery&, bool sure, Deadline) = 0;
    virtual Result<> extend(const Delivery&, Deadline) = 0;
    virtual Result<> give_back(const Delivery&, std::chrono::milliseconds delay) = 0;
    virtual Result<> give_up(const Delivery&) = 0;  ///< it comes to nobody any more
    virtual Result<Depth> depth(Deadline) = 0;
    virtual std::chrono::milliseconds lease() const noexcept = 0;  ///< as the server has it: who came first has said it
    /// Readable when next() may find something. From the first call on, a message may be under way to here while
    /// nobody is in next(), its lease running.
    virtual int native_handle() noexcept = 0;
};

/// What the engine at the other end can do, and what is known against it.
struct Report {
    std::string engine, version, server;
    bool streams = false;       ///< it keeps messages
    bool deduplicates = false;  ///< an id published again within the window is one message
    Durability most = Durability::none;
    std::size_t max_message = 0;
    std::vector<std::string> warnings;
};

/// A connection. Threads: any, but for one thread at a time in each Inbox and Puller; both must not outlive it.
class Engine {
public:
    virtual ~Engine() = default;
    virtual const Report& report() const noexcept = 0;
    virtual std::size_t max_message() const noexcept = 0;
    virtual std::string new_subject() = 0;  ///< that nobody else has, for answers

    /// To whoever hears now. It waits here while there is no connection.
    virtual Result<> publish(const Outgoing&, Deadline) = 0;
    /// Returns when the server has what was published; Errc::unknown when the connection broke over it.
    virtual Result<> flush(Deadline) = 0;
    /// Errc::not_found: nobody hears there. Errc::unknown: the deadline passed, or the connection broke.
    virtual Result<Message> request(const Outgoing&, Deadline) = 0;
    virtual Result<std::unique_ptr<Inbox>> subscribe(const std::string& subject, InboxOptions) = 0;

    virtual Result<Stream> ensure_stream(const StreamOptions&, Deadline) = 0;
    virtual Result<Stream> stream(const std::string& name, Deadline) = 0;
    /// Published, and kept by `stream`: repeated with the same id until the deadline or the end of the duplicate
    /// window. Errc::exhausted: it is full. Errc::corrupt: see Puller.
    virtual Result<Receipt> store(const Stream&, const Outgoing&, std::string_view id, Deadline) = 0;
    virtual Result<std::unique_ptr<Puller>> pull(const PullerOptions&, Deadline) = 0;
};

}  // namespace wye::engine
