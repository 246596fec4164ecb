#include "relay_pattern.hpp"

#include "wye/base/text.hpp"
#include "wye/pattern/pub_sub.hpp"
#include "wye/pattern/work_queue.hpp"

#include <fmt/format.h>

#include <thread>

namespace wye::cli {
namespace {

using namespace std::chrono_literals;

// An end that is opened again when it broke: soon, then later, with a word about it. What no other time will help is an
// error at once.
template <class End, class Options>
class Lasting {
public:
    Lasting(std::string uri, Options how) : uri_(std::move(uri)), how_(std::move(how)) {}

    /// Null when a signal came.
    Result<End*> get() {
        auto pause = 100ms;
        while (!end_ && !interrupted()) {
            auto opened = patiently(Deadline(2s), [&](Deadline d) { return End::open(uri_, how_, d); });
            if (opened) {
                end_.emplace(std::move(*opened));
                if (told_) fmt::print(stderr, "wye: relay: {}: is back\n", escape(uri_));
                told_ = false;
                break;
            }
            if (!was_open_ || never(opened.error())) return std::unexpected(std::move(opened).error());
            tell(opened.error());
            std::this_thread::sleep_for(pause);
            pause = std::min(pause * 2, 2000ms);
        }
        was_open_ = true;
        return end_ ? &*end_ : nullptr;
    }
    /// It broke. False where no other time will help.
    bool lost(const Error& e) {
        end_.reset();
        tell(e);
        return !never(e);
    }

private:
    static bool never(const Error& e) {
        return e.is(Errc::bad_address) || e.is(Errc::unsupported) || e.is(Errc::denied) || e.is(Errc::mismatch);
    }
    void tell(const Error& e) {
        if (!std::exchange(told_, true)) fmt::print(stderr, "wye: relay: {}; waiting for it\n", e.message());
    }
    std::string uri_;
    Options how_;
    std::optional<End> end_;
    bool was_open_ = false, told_ = false;
};

// `send(end, deadline)` until it has gone through, over as many openings as it takes; false when a signal came.
template <class End, class Send>
Result<bool> deliver(End& to, Send&& send) {
    while (!interrupted()) {
        WYE_TRY(auto* end, to.get());
        if (!end) break;
        const auto sent = patiently(Deadline::never(), [&](Deadline d) { return send(*end, d); });
        if (sent) return true;
        if (interrupted()) break;
        if (sent.error().is(Errc::too_big) || !to.lost(sent.error())) return std::unexpected(sent.error());
    }
    return false;
}

// `step(end, deadline)` takes one from `from` and delivers it; how many there were is told at the end.
template <class End, class Step>
int pump(End& from, Step&& step) {
    std::uint64_t moved = 0;
    Result<> wrong;
    while (!interrupted()) {
        auto end = from.get();
        if (!end) {
            wrong = std::unexpected(std::move(end).error());
            break;
        }
        if (!*end) break;
        const auto r = patiently(Deadline::never(), [&](Deadline d) { return step(**end, d); });
        if (r && *r) ++moved;
        if (r || interrupted()) continue;
        if (!from.lost(r.error())) {
            wrong = std::unexpected(r.error());
            break;
        }
    }
    if (interrupted()) fmt::print(stderr, "wye: relay: {} messages\n", moved);
    return finish(wrong ? exit_ok : report("relay", wrong.error()));
}

}  // namespace

int relay_publications(const std::string& a, const std::string& b) {
    catch_signals();
    Lasting<Subscriber<>, SubscribeOptions> from(a, {.slow = Slow::block});
    Lasting<Publisher<>, PublishOptions> to(b, {});
    if (auto opened = to.get(); !opened) return report("relay", opened.error());
    return pump(from, [&](Subscriber<>& in, Deadline d) -> Result<bool> {
        WYE_TRY(const auto got, in.next(d));
        return deliver(to, [&](Publisher<>& out, Deadline until) { return out.publish(*got, got.topic(), until); });
    });
}

int relay_jobs(const std::string& a, const std::string& b) {
    catch_signals();
    Lasting<Worker<>, QueueOptions> from(a, {});
    Lasting<Producer<>, QueueOptions> to(b, {});
    if (auto opened = to.get(); !opened) return report("relay", opened.error());
    return pump(from, [&](Worker<>& in, Deadline d) -> Result<bool> {
        WYE_TRY(auto job, in.take(d));
        WYE_TRY(const bool sent, deliver(to, [&](Producer<>& out, Deadline until) {
                    return out.put(*job, {.priority = job.priority()}, until);
                }));
        if (sent) WYE_CHECK(std::move(job).done());
        return sent;
    });
}

}  // namespace wye::cli
