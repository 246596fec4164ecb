// Histories of what processes did to a carrier, and what they prove. Knows no carrier: it takes a URI, and faults.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace wye::test {

enum class Outcome : char { ok = 'o', fail = 'f', unknown = 'u' };

/// A line of a history. Values are process * 2^32 + counter, so that each is sent once.
struct Event {
    enum class Kind : char { sent = 's', seen = 'r', done = 'd' } kind;
    std::uint64_t value = 0;
    Outcome outcome = Outcome::ok;  ///< sent, done
    bool again = false;             ///< seen: it was said to be a redelivery
    std::uint64_t place = 0;        ///< seen, done: where it lay in the queue; 0: the carrier does not say
    std::uint64_t time = 0;         ///< seen, done: nanoseconds, of one clock for all processes
};

/// Appends lines to a file; each is there whole when the call returns, whatever becomes of the process.
class Recorder {
public:
    explicit Recorder(const std::string& path);
    ~Recorder();
    Recorder(const Recorder&) = delete;
    void sent(std::uint64_t value, Outcome);
    void seen(std::uint64_t value, bool again, std::uint64_t place);
    void done(std::uint64_t value, Outcome, std::uint64_t place);

private:
    void line(char kind, std::uint64_t value, char mark, std::uint64_t place);
    int fd_;
};
std::vector<Event> read_history(const std::string& path);

/// One that came as new, and had come as new before. From the same place in the queue: what hands jobs out forgot that
/// it had handed out this one. From another: it was kept twice, and who keeps them did not know the id again.
struct Twice {
    std::uint64_t value = 0, first_place = 0, place = 0;
    bool was_done = false;     ///< whoever had it first had been told that it is noted as done
    double seconds_later = 0;  ///< than the first
    bool kept_twice() const noexcept { return first_place != place; }
};

struct Judgement {
    std::uint64_t sent = 0, ok = 0, failed = 0, unknown = 0;
    std::uint64_t stored = 0;          ///< of the unknown, that were seen
    std::vector<std::uint64_t> lost;   ///< acknowledged, and never seen
    std::uint64_t duplicated = 0;      ///< came to somebody as new, and had come as new before
    std::vector<Twice> twice;          ///< which, in the order in which they came again
    std::uint64_t redelivered = 0;     ///< came, and was said to come again
    std::uint64_t reordered = 0;       ///< a reader saw one of a sender's after a later one, and it was no redelivery
    std::vector<std::uint64_t> never;  ///< seen, and never sent: somebody made it up
    std::vector<std::uint64_t> impossible;  ///< failed for certain, and seen all the same
    std::string text() const;
};
/// Of all processes together; one vector for each reader, as order is a reader's own.
Judgement judge(const std::vector<Event>& senders, const std::vector<std::vector<Event>>& readers);

/// What one server holds of a stream: values by their place in it.
using Replica = std::map<std::uint64_t, std::uint64_t>;
/// The places where replicas that should be the same are not: one has there what another has not.
std::vector<std::uint64_t> diverged(const std::vector<Replica>&);
/// Of those, where not even most of the replicas have the same.
std::vector<std::uint64_t> undecided(const std::vector<Replica>&);
/// A replica as somebody would see it who reads it from its beginning.
std::vector<Event> as_read(const Replica&);

}  // namespace wye::test
