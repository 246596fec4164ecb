// What rules a means out: a row a need. An empty answer is "this serves".
#include "wye/base/text.hpp"

#include "measure/advice.hpp"

namespace wye::advice {
namespace {

using S = const Subject&;
using W = const Needs&;
using L = const Limits&;

std::string purpose(S s, W w, L) {
    if (!s.built) return "is not in this build (libnats-dev was missing)";
    switch (w.purpose) {
        case Purpose::messages:
            if (s.kind == Kind::memory)
                return "is memory: when a page may be read, the programs must agree by another means";
            if (s.kind == Kind::word) return "carries a number and a word, no messages";
            if (s.kind != Kind::channel) return "carries nothing, it only keeps order";
            return s.pattern == Pattern::request ? "has an answer for each message, and none was asked for" : "";
        case Purpose::question:
            if (s.pattern == Pattern::request || s.connects()) return "";
            return "nothing leads back to who asked";
        case Purpose::memory:
            return s.kind == Kind::memory ? "" : "is no memory: what it carries is copied";
        case Purpose::lock:
            return s.kind == Kind::lock || s.kind == Kind::count ? "" : "keeps nobody out";
        case Purpose::permits:
            if (s.kind == Kind::lock) return "lets one at a time in, and cannot count";
            return s.kind == Kind::count ? "" : "counts no permits";
        case Purpose::event:
            if (s.kind == Kind::memory || s.kind == Kind::lock) return "tells nobody that something happened";
            return s.bare() ? "" : "carries messages to whoever works on them: more than \"it happened\"";
    }
    return "";
}

std::string place(S s, W w, L) {
    const bool related = s.traits.relation == Relation::related;
    const bool inherited = s.room && s.room->inherited, starts = s.room && !s.room->started_peer.empty();
    switch (w.place()) {
        case Where::unrelated:
            if (inherited && w.partner == Partner::stdio) return "";
            if (s.kind == Kind::memory && related) return "";  // handed over through a socket
            if (starts) return "starts its other end, which is no stranger";
            return related ? "has no name by which strangers could find it" : "";
        case Where::forked:
            if (inherited) return "is what somebody else made: here that would be pipe: or socketpair:";
            return starts ? "starts another program" : "";
        case Where::started:
            return inherited ? "is the child's end; the parent makes it by exec:" : "";
        case Where::network:
            return s.traits.reach == Reach::network || s.able.reaches_network ? "" : "does not leave this host";
    }
    return "";
}

std::string secrecy(S s, W w, L) {
    const bool goes = w.place() == Where::network && s.traits.reach == Reach::network && s.kind == Kind::channel;
    return goes && !w.trusted && !s.takes("ca") ? "everybody on the way reads and writes along (it has no certificates)"
                                                : "";
}

std::string other_user(S s, W w, L) {
    return w.other_user && s.offer->own_user ? "is for the processes of one user" : "";
}

std::string to_one(S s, W w) {
    if (s.pattern == Pattern::pub_sub) {
        if (w.loss != Loss::latest) return "tells everybody who listens; who does not listen then has missed it";
        return w.parties == Parties::one_to_one || s.able.many_publishers ? "" : "has one publisher at a time";
    }
    if (w.parties == Parties::one_to_one || !s.bare()) return "";
    if (!s.traits.many_writers) return "has one writer at a time";
    if (s.traits.relation == Relation::related && s.connects()) return "joins two processes, and no more";
    return "";
}

std::string to_all(S s, W w) {
    if (s.bare() ? !s.traits.stored : s.pattern != Pattern::pub_sub)
        return "each message goes to one reader, or to those who are there, and not to every one";
    if (w.parties == Parties::one_to_many) return "";
    return s.pattern == Pattern::pub_sub && !s.able.many_publishers ? "has one publisher at a time" : "";
}

std::string parties(S s, W w, L) {
    if (w.purpose == Purpose::question) {
        if (s.pattern == Pattern::request)
            return w.parties == Parties::shared_work && !s.able.many_servers ? "has one server" : "";
        return w.parties == Parties::one_to_one ? "" : "joins two; answers to several would have to be told apart";
    }
    if (w.purpose != Purpose::messages) return "";
    if (w.parties == Parties::shared_work)
        return s.pattern == Pattern::work_queue ? "" : "shares nothing out: what is taken is not known to be done";
    const bool all = w.parties == Parties::one_to_many || w.parties == Parties::all_to_all;
    return all ? to_all(s, w) : to_one(s, w);
}

std::string both_ways(S s, W w, L) {
    if (!w.both_ways || s.connects() || s.pattern == Pattern::request || s.kind == Kind::memory) return "";
    if (s.bare() && s.traits.direction == Direction::both_ways)
        return "one object for both ways: each would read what it wrote itself";
    return "goes one way; the way back would be another one";
}

std::string partner(S s, W w, L) {
    if (w.partner == Partner::files && (!s.bare() || !s.offer->as_file))
        return "a program that only opens files cannot open it";
    if (w.partner == Partner::stdio && (!s.bare() || !s.offer->as_stdio))
        return "a program that only has standard input and output cannot open it";
    return "";
}

std::string kept(S s, W w, L) {
    const auto k = keeps(s);
    if (k >= w.kept || s.kind == Kind::lock) return "";
    if (k == Kept::crash) return "lies in this host's memory, until it stops";
    if (k == Kept::reboot) return "lies on one host, and is lost with it";
    return "keeps nothing when its processes have gone";
}

std::string loss(S s, W w, L) {
    if (w.loss == Loss::latest) {
        if (s.pattern == Pattern::pub_sub || s.kind == Kind::memory || s.kind == Kind::word) return "";
        return "keeps the old messages before the latest";
    }
    if (w.loss != Loss::none || s.kind == Kind::memory) return "";
    if (s.pattern == Pattern::pub_sub)
        return s.able.blocks || s.able.most >= Durability::process ? "" : "a slow subscriber loses messages";
    if (s.pattern == Pattern::work_queue) return s.able.redelivers ? "" : "a job is lost with the worker that took it";
    return s.traits.lossless || !s.bare() ? "" : "may lose messages, and nobody is told";
}

std::string priority(S s, W w, L) {
    if (!w.priority) return "";
    return (s.bare() ? s.traits.priorities : s.able.priorities && s.pattern == Pattern::work_queue)
               ? ""
               : "knows no priorities";
}

std::string by_type(S s, W w, L) {
    if (!w.by_type) return "";
    return (s.bare() ? s.traits.types : s.pattern == Pattern::pub_sub) ? "" : "a reader cannot ask for a type";
}

std::string survive_kill(S s, W w, L) {
    if (!w.survive_kill) return "";
    if (s.kind == Kind::lock || s.kind == Kind::count)
        return s.traits.permits_return ? "" : "what a killed holder had does not come back";
    if (s.kind == Kind::memory) return s.traits.lifetime != Lifetime::handle ? "" : "goes with its last process";
    const bool again = s.bare()                        ? s.traits.redelivers || s.traits.stored
                       : s.pattern == Pattern::request ? s.able.many_servers
                       : s.pattern == Pattern::pub_sub ? s.able.history
                                                       : s.able.redelivers;
    return again ? "" : "what a killed process had taken does not come again";
}

std::string pollable(S s, W w, L) {
    return w.pollable && !s.traits.pollable ? "has no descriptor that poll() could wait for" : "";
}

std::string descriptors(S s, W w, L) {
    return w.descriptors && !(s.bare() && s.traits.passes_fds) ? "passes no descriptors" : "";
}

std::string no_server(S s, W w, L) { return w.no_server && s.offer->server ? "needs a server that runs besides" : ""; }

std::string size(S s, W w, L limits) {
    if (w.size == 0 || (s.offer->limit.empty() && s.offer->most == 0)) return "";
    const auto here = s.offer->limit.empty() ? std::optional(s.offer->most) : limits(s.offer->limit);
    if (!here || w.size <= *here) return "";
    const auto most = human_size(static_cast<double>(*here));
    if (s.offer->limit.empty())
        return "takes " + most + " at the most" + (s.offer->server ? ", as servers are set up" : "");
    return "takes " + most + " at the most here (" + std::string(s.offer->limit) + ", wye limits)";
}

struct Rule {
    Need need;
    std::string (*against)(S, W, L);
};

constexpr Rule rules[] = {
    {Need::purpose, purpose},     {Need::place, place},
    {Need::secrecy, secrecy},     {Need::other_user, other_user},
    {Need::parties, parties},     {Need::both_ways, both_ways},
    {Need::partner, partner},     {Need::kept, kept},
    {Need::loss, loss},           {Need::priority, priority},
    {Need::by_type, by_type},     {Need::survive_kill, survive_kill},
    {Need::pollable, pollable},   {Need::descriptors, descriptors},
    {Need::no_server, no_server}, {Need::size, size},
};

}  // namespace

Kept keeps(const Subject& s) noexcept {
    if (!s.bare() && s.able.most >= Durability::process) return s.takes("replicas") ? Kept::host : Kept::reboot;
    if (s.traits.timing == Timing::sync || s.traits.lifetime == Lifetime::handle) return Kept::no;
    return s.traits.lifetime == Lifetime::kernel ? Kept::crash : Kept::reboot;
}

std::vector<Reason> reasons_against(const Subject& s, const Needs& w, const Limits& limits) {
    std::vector<Reason> all;
    for (const auto& r : rules)
        if (auto why = r.against(s, w, limits); !why.empty()) all.push_back({r.need, std::move(why)});
    return all;
}

}  // namespace wye::advice
