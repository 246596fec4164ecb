// shm: as a means among the others.
#include "wye/transport/shm_ring.hpp"

#include "transport/shm_ring/state.hpp"

namespace wye {
namespace {

constexpr std::string_view example = "shm:prices?shape=broadcast";
constexpr Param params[] = {
    {"shape", "stream|broadcast|queue", "one reader, many, or each message to one of many (default stream)"},
    {"policy", "block|demote|drop|latest", "a broadcast's reader that is slow: waited for, waited for so long, or not"},
    {"patience", "MS", "how long a writer waits for a reader with policy=demote (default 100)"},
    {"history", "N", "a broadcast's reader begins so many messages back"},
    {"bytes", "SIZE", "of the ring when it is made, a power of two (default 64K; a queue's lane 8K)"},
    {"participants", "N", "at once, when it is made (default 8; broadcast 128; queue 64)"},
    {"lanes", "N", "producers at once, when a queue is made (default 8)"},
    {"order", "lanes|strict", "a queue: in order for each producer, or over all of them (default lanes)"},
    {"deliveries", "N", "a queue: a job that came back so often is set aside (default: never)"},
    {"readers", "N", "a broadcast's writer waits until so many are there"},
    {"max", "SIZE", "largest message (default 16M)"},
    {"spin", "", "waits without sleeping: takes a processor"},
};

Result<unsigned> number(const Uri& uri, std::string_view name, unsigned otherwise, std::size_t most) {
    WYE_TRY(const auto n, uri.size(name, otherwise));
    if (n > most) return uri.refuse(std::string(name) + " is up to " + std::to_string(most), example);
    return static_cast<unsigned>(n);
}

Result<ShmOptions> options_of(const Uri& uri, const OpenOptions& how) {
    static constexpr std::string_view shapes[] = {"stream", "broadcast", "queue"};
    static constexpr std::string_view policies[] = {"block", "demote", "drop", "latest"};
    static constexpr std::string_view orders[] = {"lanes", "strict"};
    constexpr ring::Policy policy_of[] = {ring::Policy::block, ring::Policy::demote, ring::Policy::drop,
                                          ring::Policy::latest};
    // Whoever comes first makes it: there is no server to be started before.
    ShmOptions o{.create = how.create == Create::never ? Create::if_missing : how.create};
    WYE_TRY(const auto shape, uri.choice("shape", shapes));
    WYE_TRY(const auto policy, uri.choice("policy", policies));
    WYE_TRY(const auto order, uri.choice("order", orders));
    o.made.shape = static_cast<ring::Shape>(shape + 1);
    o.policy = policy_of[policy];
    o.made.strict = order == 1;
    WYE_TRY(o.made.bytes, uri.size("bytes", 0));
    WYE_TRY(o.made.participants, number(uri, "participants", 0, 4096));
    WYE_TRY(o.made.lanes, number(uri, "lanes", 8, 64));
    WYE_TRY(o.made.most_deliveries, number(uri, "deliveries", 0, 255));
    WYE_TRY(o.patience_ms, number(uri, "patience", 100, 86'400'000));
    WYE_TRY(o.history, uri.size("history", 0));
    WYE_TRY(o.readers, number(uri, "readers", 0, 4096));
    WYE_TRY(o.max_message, uri.size("max", o.max_message));
    WYE_TRY(o.spin, uri.flag("spin"));
    if (shape != 2 && order == 1) return uri.refuse("order is a queue's", "shape=queue&order=strict");
    if (shape != 1 && policy != 0) return uri.refuse("policy is a broadcast's", "shape=broadcast&policy=drop");
    for (const auto part : {"readers", "history", "patience"})
        if (shape != 1 && uri.has(part)) return uri.refuse(std::string(part) + " is a broadcast's", "shape=broadcast");
    for (const auto part : {"lanes", "deliveries"})
        if (shape != 2 && uri.has(part)) return uri.refuse(std::string(part) + " is a queue's", "shape=queue");
    return o;
}

template <class End>
Result<Channel> opened(const Uri& uri, const ShmOptions& o) {
    WYE_TRY(auto end, End::open(std::string(uri.address()), o));
    return Channel(std::move(end));
}

Result<Channel> open(const Uri& uri, const OpenOptions& how, Deadline) {
    WYE_TRY(auto o, options_of(uri, how));
    if (how.mode == Mode::both)
        return refuse(Errc::unsupported,
                      std::string(uri.text()) + ": a ring goes one way; choose: open it to read or to write");
    const bool read = how.mode == Mode::read;
    if (o.made.shape == ring::Shape::queue) return read ? opened<ShmWorker>(uri, o) : opened<ShmProducer>(uri, o);
    return read ? opened<ShmReader>(uri, o) : opened<ShmWriter>(uri, o);
}

Result<> make(const Uri& uri, const OpenOptions& how) {
    WYE_TRY(const auto o, options_of(uri, how));
    WYE_CHECK(shm::Pages::open(std::string(uri.address()), o.made,
                               how.create == Create::never ? Create::exclusive : how.create));
    return {};
}

Result<> remove(const Uri& uri, const RemoveOptions& o) {
    const auto name = std::string(uri.address());
    auto shape = shm::Pages::any();
    shape.layout = SharedSegment::any_layout;
    return SharedSegment::remove(name, shape, o, [&](SharedSegment& s) -> Result<> {
        shm::Ringing::everybody(name);
        if (s.geometry().layout == ring::layout_version &&
            s.geometry().size >= sizeof(ring::Header) + 2 * SharedSegment::head) {
            auto& h = *reinterpret_cast<ring::Header*>(s.content() + (128 - SharedSegment::head));
            for (auto* bell : {&h.data, &h.space}) {
                bell->event.fetch_add(1);
                (void)sys::futex_wake(bell->event, sys::every_sleeper);
            }
        }
        for (const auto kind : {"loan", "bell"}) WYE_CHECK(SharedSegment::remove_beside(kind, name));
        return {};
    });
}

Result<Inspection> inspect(const Uri& uri) {
    WYE_CHECK(options_of(uri, {}));
    auto seen = shm::inspect(uri);
    if (!seen && seen.error().is(Errc::not_found))  // whatever part of its path is missing
        return refuse(Errc::not_found, "shm:" + std::string(uri.address()) + ": there is no such ring");
    return seen;
}

Result<> list(Visit<Object> visit) { return SharedSegment::list("ring", "shm", visit); }

std::vector<std::string> scratch(const std::string&) {
    const auto name = "shm:wye-" + std::to_string(sys::unique_mark());
    return {name, name + "b?shape=broadcast&readers=1", name + "q?shape=queue"};
}

}  // namespace

void see_rings(const sys::Snapshot&, Inventory&);  // see.cpp

const Mechanism shm_ring_mechanism{
    .traits = ShmTraits::traits,
    .summary = "a ring in shared pages; survives its users",
    .example = example,
    .params = params,
    .open = open,
    .make = make,
    .remove = remove,
    .list = list,
    .inspect = inspect,
    .see = see_rings,
    .scratch = scratch,
};

}  // namespace wye
