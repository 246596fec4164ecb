// A ring, a process that something happens to, and the others, who must not notice more than they have to.
#pragma once
#include "support/stepper.hpp"
#include "support/support.hpp"
#include "support/together.hpp"
#include "transport/shm_ring/state.hpp"

#include <atomic>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace wye::test {

/// Message `number`: its bytes follow from it, so that one that is torn or of two is known.
std::string message(unsigned number, std::size_t size);
inline constexpr std::size_t in_line = 24, record = 200, large_record = 480, loaned = 4000;
inline constexpr std::size_t lendable = 12;  ///< loans at once
inline constexpr unsigned later = 10'000;    ///< the numbers of what the others send afterwards

/// What the victim says of itself, in pages that outlive it.
struct Report {
    std::atomic<bool> came, closing;            // open() has returned; close has begun
    std::atomic<unsigned> sending, sent;        // messages that it began to send, and whose send() returned
    std::atomic<unsigned> receiving, received;  // likewise
    std::atomic<unsigned> job, doing;           // number + 1 of the one in its hands, and whose done() began
    std::atomic<bool> done[3 * 2048];           // those whose done() returned, by place_of(number)
    static std::size_t place_of(unsigned number) { return number / later * 2048 + number % later; }
    bool did(unsigned number) const { return number % later < 2048 && done[place_of(number)]; }
    std::atomic<bool> finished;
};

/// Everything that one process may have of a ring.
struct Ends {
    std::optional<ShmWriter> writer;
    std::optional<ShmReader> reader;
    std::optional<ShmProducer> producer;
    std::optional<ShmWorker> worker;
    std::optional<Loan> loan;
    std::optional<Lease> lease;
    std::optional<ShmJob> job;
};

struct Tally {
    long covered = 0;  // instructions, of which the points are those that others can tell from the one before
    long points = 0, stuck = 0, lost = 0, duplicated = 0, torn = 0, leaked = 0;
    bool clean() const { return stuck + lost + duplicated + torn + leaked == 0; }
};

/// One ring, small enough that everything comes round soon, and those who use it.
class Stage {
public:
    explicit Stage(ring::Shape, bool strict = false);
    ~Stage();
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;

    const std::string name = unique_name("step");
    const ShmShape shape;
    Shared<Report> report;
    Ends victim;                             // in its own process
    Ends own;                                // the survivors'
    unsigned sent = 0;                       // by `own`, before
    bool created = false, removing = false;  // by the victim
    bool calls_fail = false;                 // the victim's: a bell that it cannot unlink stays until the next one

    ShmOptions options(ring::Policy = ring::Policy::block, Create = Create::if_missing) const;
    std::string uri() const { return "shm:" + name; }

    // ---- what the victim does, and says
    void send(std::size_t size, Deadline = Deadline::now());
    void put(std::size_t size, Deadline = Deadline::now());
    void commit();
    void recv(Deadline = Deadline::now());
    void take_job(Deadline = Deadline::now());
    void hand(ShmJob);
    void do_run(std::size_t most);
    void do_job();
    // ---- what the others do while it stands still: many operations
    void go_round(Tally&, const std::string& where);
    // ---- what the others had done before
    void backlog(unsigned n, std::size_t size);
    /// As if somebody slept: whoever changes something goes the way of waking.
    void pretend_sleepers();

    /// What must hold now that the victim is no more, told in `tally`. Says what does not, where `name`s it.
    void verify(Tally&, const std::string& where);

    static constexpr auto patience = std::chrono::seconds(10);

private:
    void verify_lane(Tally&);
    void verify_queue(Tally&);
    void verify_removed(Tally&);
    void read_what_is_there(ShmReader&, bool reads_on, Tally&);
    void read_up_to_here(ShmReader&, bool reads_on, Tally&);
    void rivals(Tally&);
    bool put_and_take(unsigned number, Deadline, Tally&);
    std::optional<unsigned> take(Deadline, Tally&);
    void go_on(ShmWriter&, ShmReader&, Tally&);
    void lend_all(Tally&);
    void verify_nothing_left(Tally&);
    void verify_no_files(Tally&);
    void problem(long& count, const std::string& what);
    unsigned number_of(Bytes, Tally&);

    std::string where_;
    unsigned next_ = 0, lost_ = 0;  // of our reader
    std::set<unsigned> seen_;       // by our worker
    unsigned round_ = 0;
    std::vector<int> descriptors_ = open_descriptors();
};

/// Somebody who takes part, and only looks for the dead.
struct Undertaker final : shm::State {
    explicit Undertaker(const Stage& s)
        : State(or_throw(shm::Pages::open(s.name, s.shape, Create::never)), s.options()) {
        or_throw(join(shm::Role::none));
    }
};

}  // namespace wye::test
