#include "undo_store.hpp"

#include "wye/core/uri.hpp"

#include "items.hpp"
#include "os/removal/file.hpp"
#include "user_name.hpp"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

namespace wye::cli {
namespace {

constexpr std::string_view states[] = {"begun", "removed", "left", "failed", "restored"};

// Each field of a relic by its name: one list for both ways.
template <class R, class Visit>
void each_number(R& r, Visit&& visit) {
    visit("dev", r.dev), visit("ino", r.ino), visit("id", r.id), visit("key", r.key);
    visit("uid", r.uid), visit("gid", r.gid), visit("mode", r.mode);
    visit("changed_ns", r.changed), visit("modified_ns", r.modified);
    visit("size", r.size), visit("allocated", r.allocated);
    visit("depth", r.depth), visit("message_size", r.message_size), visit("messages", r.messages);
    visit("stays", r.stays);
}
// Names are bytes, and JSON's text is not.
template <class R, class Visit>
void each_text(R& r, Visit&& visit) {
    visit("directory", r.directory), visit("file", r.file), visit("aside", r.aside), visit("contents", r.contents);
}

Json to_json(const sys::Relic& r) {
    Json j{{"what", sys::name(r.what)}};
    each_text(r, [&](const char* key, const std::string& text) {
        if (!text.empty()) j[key] = percent_encode(text);
    });
    each_number(r, [&](const char* key, auto number) { j[key] = number; });
    return j;
}

sys::Relic relic_of(const Json& j) {
    sys::Relic r;
    for (const auto k : {sys::RelicKind::file, sys::RelicKind::queue, sys::RelicKind::segment, sys::RelicKind::set,
                         sys::RelicKind::messages})
        if (j.at("what") == sys::name(k)) r.what = k;
    each_text(r, [&](const char* key, std::string& text) {
        text = percent_decode(j.value(key, std::string())).value_or("");
    });
    each_number(r, [&](const char* key, auto& number) { j.at(key).get_to(number); });
    return r;
}

void read_line(const Json& j, RunFile& run) {
    if (j.contains("schema")) {
        run.begun = j.at("begun_ns"), run.until = j.at("until_ns");
        run.user = j.at("by").at("user");
        return;
    }
    const std::size_t n = j.at("n");
    // They begin in the order of their numbers.
    auto e = std::ranges::lower_bound(run.entries, n, {}, &Entry::n);
    if (e != run.entries.end() && e->n != n) return;
    const std::string state = j.at("state");
    if (state == "begun") {
        Entry entry{.n = n, .kind = j.at("kind"), .name = percent_decode(j.at("name").get<std::string>()).value_or("")};
        for (const auto& r : j.at("relics")) entry.relics.push_back(relic_of(r));
        if (e == run.entries.end()) run.entries.push_back(std::move(entry));
        return;
    }
    if (e == run.entries.end()) return;
    for (std::size_t s = 0; s < std::size(states); ++s)
        if (state == states[s]) e->state = static_cast<State>(s);
}

}  // namespace

Result<std::string> store_path(const std::string& asked) {
    auto path = asked.empty() ? sys::state_directory() : asked;
    if (path.empty()) return refuse(Errc::not_found, "no place for what is removed: set HOME, or give --quarantine");
    return path;
}

std::int64_t now_ns() {
    timespec t{};
    ::clock_gettime(CLOCK_REALTIME, &t);
    return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

Json whoami() {
    Json j{{"uid", ::geteuid()}, {"user", user_name(::geteuid())}, {"pid", ::getpid()}};
    if (const char* before = ::getenv("SUDO_USER")) j["sudo_user"] = before;
    return j;
}

Json run_header(const std::string& id, std::int64_t until) {
    return {{"schema", "wye.undo/1"}, {"run", id}, {"begun_ns", now_ns()}, {"until_ns", until}, {"by", whoami()}};
}

Json entry_line(std::size_t n, const Item& item, const std::vector<sys::Relic>& relics) {
    Json j{{"n", n}, {"state", "begun"}, {"kind", item.kind}, {"name", percent_encode(item.name)}};
    for (const auto& r : relics) j["relics"].push_back(to_json(r));
    return j;
}

Json state_line(std::size_t n, std::string_view state, const std::string& why) {
    Json j{{"n", n}, {"state", state}, {"time_ns", now_ns()}};
    if (!why.empty()) j["why"] = why;
    return j;
}

bool Entry::open() const {
    if (state == State::restored) return false;
    // What was left is where it was; but for one whose name was taken before it could have it again.
    if (state == State::left) return std::ranges::any_of(relics, sys::is_aside);
    return true;
}

std::uint64_t RunFile::bytes() const {
    std::uint64_t all = 0;
    for (const auto& e : entries)
        if (e.open())
            for (const auto& r : e.relics) all += r.allocated;
    return all;
}

RunFile parse_manifest(const std::string& id, const std::string& text) {
    RunFile run{.id = id};
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        try {
            read_line(Json::parse(text.substr(at, end - at)), run);
        } catch (const Json::exception&) {  // a line that was not ended
        }
        at = end + 1;
    }
    return run;
}

void log_event(const sys::Store& store, std::string_view event, const std::string& run, const Json& what) {
    Json j{{"time_ns", now_ns()}, {"event", event}, {"run", run}, {"by", whoami()}};
    j.update(what);
    if (const auto r = store.log(dumped(j)); !r) fmt::print(stderr, "wye: {}\n", r.error().message());
}

void drop_expired(const sys::Store& store) {
    for (const auto& id : store.runs()) {
        const auto peek = store.peek(id);
        if (!peek) continue;
        const auto run = parse_manifest(id, *peek);
        if (run.until == 0 || run.until > now_ns()) continue;
        auto taken = store.take(id);
        if (!taken) continue;  // somebody is at it
        for (const auto& e : run.entries) {
            if (!e.open()) continue;
            std::string why;
            for (const auto& r : e.relics)
                if (const auto f = sys::forget(r, taken->directory()); !f) why = f.error().message();
            Json what{{"kind", e.kind}, {"name", e.name}};
            if (!why.empty()) what["why"] = why;
            log_event(store, "forgotten", id, what);
        }
        (void)store.drop(std::move(*taken));
    }
}

}  // namespace wye::cli
