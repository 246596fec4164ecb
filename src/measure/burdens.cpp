// What makes a means less fit than another that serves as well: it brings along what nobody asked for, or leaves to the
// programs what another does for them. A row each, with its weight; the sum is compared before any figure.
#include "wye/io/framed_stream.hpp"

#include "measure/advice.hpp"

namespace wye::advice {
namespace {

using S = const Subject&;
using W = const Needs&;

bool carries(W w) noexcept { return w.purpose == Purpose::messages || w.purpose == Purpose::question; }
bool relatives(W w) noexcept { return w.place() == Where::forked || w.place() == Where::started; }
bool told_to_one(W w) noexcept { return w.parties == Parties::one_to_one || w.parties == Parties::many_to_one; }

struct Row {
    unsigned weight;
    std::string_view what;
    bool (*holds)(S, W);
};

constexpr Row rows[] = {
    {4, "a server has to run besides the programs", [](S s, W) { return s.offer->server; }},
    {2, "it is made for other hosts",
     [](S s, W w) {
         return w.place() != Where::network && s.kind == Kind::channel && s.traits.reach == Reach::network;
     }},
    {2, "it works among hosts, and leaves the lock of a killed holder",
     [](S s, W w) { return w.place() != Where::network && s.kind == Kind::lock && s.traits.reach == Reach::network; }},
    {1, "certificates have to be made, and nobody else is on the way",
     [](S s, W w) { return s.takes("cert") && !s.offer->server && (w.trusted || w.place() != Where::network); }},
    {1, "jobs are taken and settled, which is more than was asked",
     [](S s, W w) { return s.pattern == Pattern::work_queue && w.parties != Parties::shared_work && !w.survive_kill; }},
    {2, "it grows, and nobody asked that anything be kept",
     [](S s, W w) { return s.traits.stored && w.kept == Kept::no; }},
    {1, "nothing is taken out of it, so it grows",
     [](S s, W w) { return s.traits.stored && w.kept != Kept::no && told_to_one(w); }},
    {1, "it is made for two who are there, and keeps what fits into it",
     [](S s, W w) { return s.bare() && s.traits.timing == Timing::both && w.kept != Kept::no; }},
    {1, "a name stays behind",
     [](S s, W w) { return w.kept == Kept::no && s.kind != Kind::lock && s.traits.lifetime != Lifetime::handle; }},
    {1, "it has a name, which nobody needs here",
     [](S s, W w) { return relatives(w) && s.kind != Kind::lock && s.traits.relation == Relation::any; }},
    {1, "the child has to be started and given its end",
     [](S s, W w) {
         return w.place() == Where::started && s.traits.relation == Relation::related && s.room &&
                s.room->started_peer.empty();
     }},
    {1, "it has to be handed over through a socket",
     [](S s, W w) {
         return w.place() == Where::unrelated && s.kind == Kind::memory && s.traits.relation == Relation::related;
     }},
    {1, "there is a newer one for the same", [](S s, W w) { return s.offer->old && !w.by_type; }},
    {1, "a job is lost with the worker that took it",
     [](S s, W w) {
         return s.pattern == Pattern::work_queue && w.parties == Parties::shared_work && !s.able.redelivers;
     }},
    {1, "a dead holder's unit is lost",
     [](S s, W w) { return w.purpose == Purpose::permits && !s.traits.permits_return; }},
    {1, "it counts, and cannot say who holds it",
     [](S s, W w) { return w.purpose == Purpose::lock && s.kind == Kind::count; }},
    {1, "what was lost stays lost",
     [](S s, W w) { return s.bare() && !s.traits.lossless && s.kind != Kind::memory && w.loss != Loss::allowed; }},
    {1, "what was lost on the way is waited for",
     [](S s, W w) { return w.loss == Loss::allowed && w.place() == Where::network && s.traits.lossless; }},
    {1, "it carries messages, and only that something happened is to be told",
     [](S s, W w) { return w.purpose == Purpose::event && s.kind == Kind::channel; }},
    {1, "question and answer have to be told apart by the programs",
     [](S s, W w) { return w.purpose == Purpose::question && s.bare() && !relatives(w); }},
    {1, "who asks where nobody serves waits for the deadline",
     [](S s, W) { return s.pattern == Pattern::request && !s.able.sees_no_server; }},
    {1, "each of the many is a connection, to be accepted",
     [](S s, W w) {
         return w.parties == Parties::many_to_one && carries(w) && s.connects() &&
                s.traits.boundaries == Boundaries::stream;
     }},
    {1, "what is large is copied twice",
     [](S s, W w) { return w.size >= large && carries(w) && !s.traits.loans && !s.traits.passes_fds; }},
};

}  // namespace

std::vector<Burden> burdens_of(const Subject& s, const Needs& w) {
    std::vector<Burden> all;
    for (const auto& r : rows)
        if (r.holds(s, w)) all.push_back({r.weight, r.what});
    return all;
}

Subject fitted(Subject s, const Needs& w) {
    if (!s.bare() || !s.connects()) return s;
    if (s.traits.passes_fds && (w.descriptors || w.size >= large)) {
        s.cpp = "descriptor.cpp", s.shell = "descriptor.sh";
    } else if ((w.both_ways || w.purpose == Purpose::question) && s.shell == "meet.sh") {
        s.cpp = "converse.cpp", s.shell = "converse.sh";
    }
    return s;
}

std::vector<std::string> hurts(const Subject& s, const Needs& w) {
    std::vector<std::string> all;
    if (s.pattern == Pattern::pub_sub) {
        all.emplace_back("who subscribes later has missed what was said, but for the history that is kept");
        if (!s.able.many_publishers) all.emplace_back("one publisher at a time");
    }
    if (s.pattern == Pattern::work_queue)
        all.emplace_back(s.able.redelivers ? "a job that comes again may have been done, or half of it"
                                           : "a worker that dies loses its job (at_most_once has to be asked for)");
    if (s.pattern == Pattern::request) all.emplace_back("a request whose server died may have been done all the same");
    if (w.kept == Kept::host && s.takes("replicas"))
        all.emplace_back("several hosts keep it only where that is asked for (?replicas=3)");
    if (s.pattern == Pattern::pub_sub && w.kept != Kept::no && s.able.most > Durability::none)
        all.emplace_back(
            "that it is kept is asked for when it is published (PublishOptions::durability, --durability)");
    if (w.parties == Parties::many_to_one && s.takes("keep"))
        all.emplace_back("a reader that goes on when the last writer has left says so (?keep)");
    if (s.takes("max") && w.size > StreamOptions{}.max_message)
        all.emplace_back("messages this large have to be allowed at both ends (?max=SIZE)");
    if (!s.offer->limit.empty() && s.takes("size") && w.size > 0)
        all.emplace_back("it is made for the size of its messages (?size=SIZE)");
    // Of the room under a pattern, what its own writers and readers have to mind is the pattern's business.
    if (s.bare()) all.emplace_back(s.offer->hurts);
    if (s.bare()) all.emplace_back("not for " + std::string(s.offer->not_for));
    return all;
}

}  // namespace wye::advice
