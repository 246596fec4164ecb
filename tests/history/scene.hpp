// Processes that use a carrier while something goes wrong, and their histories.
#pragma once
#include "wye/pattern/pub_sub.hpp"
#include "wye/pattern/work_queue.hpp"

#include "history/history.hpp"
#include "support/support.hpp"

#include <functional>
#include <random>

namespace wye::test {

struct QueueScene {
    std::string uri;
    std::string log = {};  ///< where somebody publishes meanwhile what is to be kept; empty: nobody does
    unsigned producers = 2, workers = 2;
    std::chrono::milliseconds lease{2000}, faults{6000};
    std::chrono::milliseconds drain{15000};  ///< from the last fault until all that was accepted must have been seen
    bool kills_users = false;                ///< producers and workers are killed, too, and others take their place
    /// One step of trouble, again and again until the time is over; whatever it broke is mended by `mend`.
    std::function<void(std::mt19937_64&)> nemesis, mend;
    /// What the carrier says of itself; asked and printed when accepted jobs are to come and for a while none does.
    std::function<std::string()> state = {};
};
struct SceneResult {
    Judgement judgement;
    std::vector<Event> logged;  ///< what who publishes to the log was told
    /// Seconds from the last fault until every producer had a job accepted again, and until everybody takes some again.
    double puts = 0, takes = 0;
    double recovery() const { return std::max(puts, takes); }
    double all_read = 0;  ///< likewise, until all that was accepted had been seen
};
SceneResult play(const QueueScene&, std::uint64_t seed);

}  // namespace wye::test
