#include "wye/registry/open.hpp"

#include "wye/base/text.hpp"

namespace wye {
namespace {

struct Found {
    Uri uri;
    const Mechanism* mechanism;
};

Result<Found> resolve(std::string_view text) {
    WYE_TRY(auto uri, Uri::parse(text));
    const auto* m = find_mechanism(uri.scheme());
    if (!m) {
        std::vector<std::string_view> schemes;
        std::string all;
        for (const auto* k : mechanisms()) {
            schemes.push_back(k->traits.scheme);
            all += (all.empty() ? "" : ", ") + std::string(k->traits.scheme);
        }
        const auto near = nearest(uri.scheme(), schemes);
        const auto* shown = near.empty() ? nullptr : find_mechanism(near);
        return uri.refuse("unknown scheme \"" + std::string(uri.scheme()) + "\"; known are " + all,
                          shown ? shown->example : "unix:/run/app.sock");
    }
    WYE_CHECK(uri.check(m->params, m->example, m->fragment));
    return Found{std::move(uri), m};
}

std::unexpected<Error> nameless(const Uri& uri, std::string_view what) {
    return refuse(Errc::unsupported,
                  std::string(uri.text()) + ": " + std::string(uri.scheme()) + ": " + std::string(what));
}

}  // namespace

const Mechanism* find_mechanism(std::string_view scheme) noexcept {
    for (const auto* m : mechanisms())
        if (m->traits.scheme == scheme) return m;
    return nullptr;
}

Result<Channel> open(std::string_view text, OpenOptions options, Deadline deadline) {
    WYE_TRY(auto found, resolve(text));
    if (!found.mechanism->open)
        return nameless(
            found.uri,
            found.mechanism->open_semaphore ? "carries no data; open it with wye::open_semaphore"
            : found.mechanism->open_segment ? "is memory; open it with wye::open_segment"
            : !found.mechanism->open_pair
                ? "carries no messages"
                : "has no name to open; make both ends with wye::open_pair, or hand a descriptor over as fd:3");
    return found.mechanism->open(found.uri, options, deadline);
}

Result<ChannelPair> open_pair(std::string_view text, OpenOptions options) {
    WYE_TRY(auto found, resolve(text));
    if (!found.mechanism->open_pair) return nameless(found.uri, "has a name: each side opens it with wye::open");
    return found.mechanism->open_pair(found.uri, options);
}

Result<Semaphore> open_semaphore(std::string_view text, SemaphoreOptions options, Deadline deadline) {
    WYE_TRY(auto found, resolve(text));
    if (!found.mechanism->open_semaphore) return nameless(found.uri, "is no semaphore; try sysv-sem:/run/app#1");
    return found.mechanism->open_semaphore(found.uri, options, deadline);
}

Result<Segment> open_segment(std::string_view text, SegmentOptions options) {
    WYE_TRY(auto found, resolve(text));
    if (!found.mechanism->open_segment) return nameless(found.uri, "is no memory; try posix-shm:/frames?size=1M");
    return found.mechanism->open_segment(found.uri, options);
}

Result<> make(std::string_view text, OpenOptions options) {
    WYE_TRY(auto found, resolve(text));
    if (!found.mechanism->make) return nameless(found.uri, "leaves no object behind to make");
    if (options.create == Create::never) options.create = Create::exclusive;  // making is what was asked for
    return found.mechanism->make(found.uri, options);
}

Result<Inspection> inspect(std::string_view text) {
    WYE_TRY(auto found, resolve(text));
    if (!found.mechanism->inspect)
        return refuse(Errc::unsupported, std::string(text) + ": a " + std::string(found.mechanism->traits.name) +
                                             " cannot be looked into; shm: can");
    return found.mechanism->inspect(found.uri);
}

Result<> remove(std::string_view text, RemoveOptions options) {
    WYE_TRY(auto found, resolve(text));
    if (!found.mechanism->remove) return nameless(found.uri, "leaves no object behind to remove");
    return found.mechanism->remove(found.uri, options);
}

}  // namespace wye
