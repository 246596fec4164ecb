#pragma once
#include "wye/core/loan.hpp"
#include "wye/core/uri.hpp"
#include "wye/pattern/options.hpp"

#include <memory>
#include <span>
#include <vector>

// What carries a pattern: one small interface a role, in bytes. The typed classes (pub_sub.hpp, work_queue.hpp,
// request.hpp) stand on these and know no means; a carrier knows one means and no type.
//
// Rules for all of them. What a call hands out (a sample, a job's bytes, a reply) stays until the next call of the same
// object, a job until it is done or given back. Errors: Errc::timed_out, and nothing was taken or sent; Errc::unknown
// (networks): it may have been. Errc::too_big before anything is sent. Each object belongs to one thread at a time.
// native_handle() is readable when next() or take() with Deadline::now() may find something; -1 where there is none.
// When a subscriber is open, what is published from then on is for it. A publisher, a producer or a server that goes is
// no error to the others: the next one is heard when it comes.
namespace wye::carrier {

struct Sample {
    std::string_view topic;
    Bytes bytes;
    std::uint64_t sequence = 0;  ///< one more a message of this publisher where the carrier counts; else 0
};

class Publisher {
public:
    virtual ~Publisher() = default;
    /// `id`: published again with the same id, it is still one message (networks). Empty: the carrier makes one.
    virtual Result<> publish(std::string_view topic, Bytes, std::string_view id, Deadline) = 0;
    /// A place for `n` bytes, published by commit(). In the carrier's own memory where it has loans.
    virtual Result<Loan> loan(std::string_view topic, std::size_t n, Deadline) = 0;
    /// Returns when all that was published has left this process.
    virtual Result<> flush(Deadline) = 0;
    virtual std::size_t max_message() const noexcept = 0;
};

class Subscriber {
public:
    virtual ~Subscriber() = default;
    /// Errc::closed when none can come any more: the channel was removed.
    virtual Result<Sample> next(Deadline) = 0;
    /// Messages that this subscriber was too slow for, exactly, whatever their topic.
    virtual std::uint64_t lost() const noexcept = 0;
    virtual int native_handle() noexcept = 0;
};

struct Put {
    unsigned priority = 0;     ///< higher goes first; Errc::unsupported where the carrier has none
    std::string_view id = {};  ///< as Publisher::publish
};

struct Depth {
    std::uint64_t waiting = 0, in_hand = 0, dead = 0;
};

class Producer {
public:
    virtual ~Producer() = default;
    virtual Result<> put(Bytes, const Put&, Deadline) = 0;
    virtual Result<Depth> depth() = 0;
    virtual std::size_t max_message() const noexcept = 0;
};

struct Job {
    Bytes bytes;
    unsigned deliveries = 1;  ///< how often it was handed out, this time too
    unsigned priority = 0;
    std::uint64_t token = 0;  ///< the carrier's own mark
    std::uint64_t place = 0;  ///< in the queue, where the carrier counts (networks); else 0
};

class Worker {
public:
    virtual ~Worker() = default;
    /// More than one may be in a worker's hands. Errc::closed when nothing can come any more.
    virtual Result<Job> take(Deadline) = 0;
    /// Errc::not_found: the lease ran out and another has it.
    virtual Result<> done(std::uint64_t token) = 0;
    virtual Result<> extend(std::uint64_t token) = 0;
    virtual Result<> give_back(std::uint64_t token, std::chrono::milliseconds delay) = 0;
    /// A dead letter, to be looked at and then done or given back; Errc::timed_out when there is none.
    virtual Result<Job> take_dead(Deadline) = 0;
    virtual Result<Depth> depth() = 0;
    virtual int native_handle() noexcept = 0;
};

struct Reply {
    Bytes bytes;
    bool last = true;  ///< of a streamed answer
};

class Client {
public:
    virtual ~Client() = default;
    /// Sends a request that is of no use to anybody after `deadline`. The number of it.
    virtual Result<std::uint64_t> begin(Bytes, const CallOptions&, Deadline) = 0;
    /// The next part of its answer. Errc::peer_died: the server died over it; Errc::not_found: there is no server.
    virtual Result<Reply> next(std::uint64_t call, Deadline) = 0;
    /// No answer is wanted any more; a server that has it is told where the carrier can.
    virtual void cancel(std::uint64_t call) noexcept = 0;
    virtual std::size_t max_message() const noexcept = 0;
    virtual int native_handle() noexcept = 0;
};

struct Request {
    Bytes bytes;
    std::uint64_t token = 0;
    Deadline deadline = Deadline::never();  ///< the caller's
    bool again = false;                     ///< another server died over it
};

class Server {
public:
    virtual ~Server() = default;
    /// Those whose deadline has passed, or that were cancelled, are not handed out.
    virtual Result<Request> next(Deadline) = 0;
    virtual Result<> reply(std::uint64_t token, Bytes, bool last, Deadline) = 0;
    /// The caller gets this error, with its kind and its text.
    virtual Result<> refuse(std::uint64_t token, const Error&, Deadline) = 0;
    /// Nobody waits for it any more, as far as is known here.
    virtual bool cancelled(std::uint64_t token) noexcept = 0;
    virtual int native_handle() noexcept = 0;
};

/// What a carrier can do for a pattern, for people, for the conformance suites and for refusals.
struct Abilities {
    bool many_publishers = false;
    bool history = false;
    bool blocks = false;      ///< a slow subscriber may hold the publisher up (Slow::block)
    bool redelivers = false;  ///< a dead worker's job comes again
    bool dead_letters = false;
    bool priorities = false;
    bool many_servers = false;
    bool sees_no_server = false;  ///< Errc::not_found at once instead of waiting for the deadline
    bool streams = false;         ///< an answer in several parts
    bool reaches_network = false;
    Durability most = Durability::none;
};

/// A carrier, as a table, like a room's Mechanism: `pattern/carriers.cpp` lists them all, and nothing else knows one. A
/// null slot: the means cannot carry that pattern, and `why_not` says why.
struct Carrier {
    std::string_view scheme;
    std::string_view example;
    std::span<const Param> params = {};
    bool fragment = false;
    Abilities able = {};
    Result<std::unique_ptr<Publisher>> (*publisher)(const Uri&, const PublishOptions&, Deadline) = nullptr;
    Result<std::unique_ptr<Subscriber>> (*subscriber)(const Uri&, const SubscribeOptions&, Deadline) = nullptr;
    Result<std::unique_ptr<Producer>> (*producer)(const Uri&, const QueueOptions&, Deadline) = nullptr;
    Result<std::unique_ptr<Worker>> (*worker)(const Uri&, const QueueOptions&, Deadline) = nullptr;
    Result<std::unique_ptr<Client>> (*client)(const Uri&, const ServeOptions&, Deadline) = nullptr;
    Result<std::unique_ptr<Server>> (*server)(const Uri&, const ServeOptions&, Deadline) = nullptr;
    std::string_view why_not = {};
};

std::span<const Carrier* const> carriers() noexcept;

}  // namespace wye::carrier
