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
    enum class Kind : char { sent = 's', seen = 'r' } kind;
    std::uint64_t value = 0;
    Outcome outcome = Outcome::ok;  ///< sent
    bool again = false;             ///< seen: it was said to be a redelivery
};

/// Appends lines to a file; each is there whole when the call returns, whatever becomes of the process.
class Recorder {
public:
    explicit Recorder(const std::string& path);
    ~Recorder();
    Recorder(const Recorder&) = delete;
    void sent(std::uint64_t value, Outcome);
    void seen(std::uint64_t value, bool again);

private:
    int fd_;
};
std::vector<Event> read_history(const std::string& path);

struct Judgement {
    std::uint64_t sent = 0, ok = 0, failed = 0, unknown = 0;
    std::uint64_t stored = 0;          ///< of the unknown, that were seen
    std::vector<std::uint64_t> lost;   ///< acknowledged, and never seen
    std::uint64_t duplicated = 0;      ///< came to somebody as new, and had come as new before
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
/// A replica as somebody would see it who reads it from its beginning.
std::vector<Event> as_read(const Replica&);

}  // namespace wye::test
