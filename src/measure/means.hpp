// What is measured: a way to talk, seen from each process that takes part. A room of wye, a library of others and the
// bare system call are all one of these, so that all do the same work.
#pragma once
#include "wye/base/bytes.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace wye::measure {

/// Which end. `first` measures.
enum class Role : std::uint8_t { first, second, publisher, subscriber, producer, worker, client, server };

enum Shape : unsigned {
    duel = 1,     ///< two, to and fro and one way
    fan = 2,      ///< one tells many
    queue = 4,    ///< each message to one of many
    request = 8,  ///< a question, an answer
};

/// What not every means can, and some work needs.
enum Can : unsigned {
    lends = 1,          ///< send_loan() and recv_loan()
    several = 2,        ///< another(): channels side by side
    batches = 4,        ///< send_many() and recv_many(), where Means::at_once says so
    flights = 8,        ///< ask() and answer()
    answers = 16,       ///< serve_with()
    looks = 32,         ///< ask_looking() and serve_looking()
    recalls = 64,       ///< a subscriber begins Means::history messages back
    all_of_it = 128,    ///< and at the first there ever was: it has no choice
    comes_again = 256,  ///< the second of two may leave and come again, and the first has its end all the while
};

/// One end, in the process that uses it. Whatever goes wrong is thrown.
class End {
public:
    virtual ~End() = default;
    /// Returns when the means has taken it; of a client: when the answer is there, which recv() then gives.
    virtual void send(Bytes) = 0;
    /// Waits: by looking again and again, or as the means does by default. Answers how long the message was.
    virtual std::size_t recv(MutBytes into, bool poll) = 0;
    /// Can::lends: a message of that size begun where it will be read, given away, and at the other end let go of
    /// again; nobody writes or reads it.
    virtual void send_loan(std::size_t) {}
    virtual void recv_loan() {}
    /// A server: one question, answered with what it said.
    virtual void serve(MutBytes room) { send(room.first(recv(room, false))); }
    /// Can::looks: likewise, looking for it again and again; of a client, a question and its answer.
    virtual void serve_looking(MutBytes room) { send(room.first(recv(room, true))); }
    virtual std::size_t ask_looking(Bytes question, MutBytes answer) {
        send(question);
        return recv(answer, true);
    }
    /// Can::answers: likewise, with something else.
    virtual void serve_with(MutBytes room, Bytes answer) {
        (void)recv(room, false);
        send(answer);
    }
    /// Can::batches: as many as it takes in one call, at least one; what is there, up to `most`. How many.
    virtual std::size_t send_many(std::span<const Bytes>) { return 0; }
    virtual std::size_t recv_many(std::size_t most, const std::function<void(Bytes)>& each) {
        (void)most, (void)each;
        return 0;
    }
    /// Can::flights, of a client: a question alone, then the answer to the oldest that has none.
    virtual void ask(Bytes question) { send(question); }
    virtual std::size_t answer(MutBytes into) { return recv(into, false); }
};

struct Means {
    std::string name;     ///< "unix:seqpacket", "zeromq"
    std::string group;    ///< "wye", "kernel", "peer"
    std::string version;  ///< of a library
    std::string summary;
    unsigned shapes = duel, can = 0;
    std::uint64_t largest = 0;  ///< message, in bytes; 0: what memory holds
    bool carries = true;        ///< false: it tells that something happened, and the message is left out
    bool lossless = true;
    bool polls = true;         ///< recv() can look again and again
    bool own_threads = false;  ///< so that an end is not held to one processor
    bool named = true;         ///< a process that is no child of who has an end finds it, too
    bool knocks = false;       ///< who opens it says so in a message, which may go to who has just left
    std::string directory{};   ///< where it makes its files; empty: that for temporary ones

    std::size_t size = 64;        ///< of the messages to come, known before prepare()
    std::uint64_t at_once = 0;    ///< likewise: so many are handed over in a call
    std::uint64_t history = 0;    ///< likewise, and of Can::recalls
    bool of_one_user = false;     ///< it is for the processes of one user alone
    unsigned permissions = 0600;  ///< of what it makes, where that has any
    std::chrono::nanoseconds quiet{
        std::chrono::seconds(3)};  ///< that its ends wait for a message, where there is an end to that
    std::vector<pid_t> daemons{};  ///< that prepare() started: what they cost counts, too

    virtual ~Means() = default;
    /// One more of the same, not prepared.
    virtual std::unique_ptr<Means> another() const { return nullptr; }
    /// Before the processes part.
    virtual void prepare(Shape, unsigned parties) { (void)parties; }
    /// In each process, once. The listening ones are opened first, but for rooms where both wait for each other.
    virtual std::unique_ptr<End> open(Role, unsigned which) = 0;
    /// In the process that had an end, which is gone: the other died and this one was told. What a new one finds.
    virtual std::unique_ptr<End> again(Role r, unsigned which) { return open(r, which); }
    /// After all ends are gone, also those that were killed.
    virtual void clean() noexcept {}
};

using AllMeans = std::vector<std::unique_ptr<Means>>;

}  // namespace wye::measure
