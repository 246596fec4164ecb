// The two sides of a tour row.
#define XXH_INLINE_ALL
#include "command.hpp"
#include "os/syscall.hpp"
#include "tour.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace wye::cli {
namespace {

using namespace std::chrono_literals;
using Clock = Deadline::Clock;
constexpr auto patience = 20s;         // of one step; a row that needs more has failed
constexpr std::size_t ping_size = 64;  // a time stamp, and filling
constexpr std::uint64_t lossy_chunk = 8192;
constexpr unsigned window = 8;  // messages that a means without flow control of its own may have under way

class Digest {
public:
    Digest() : state_(XXH3_createState()) { XXH3_128bits_reset(state_); }
    ~Digest() { XXH3_freeState(state_); }
    Digest(const Digest&) = delete;
    Digest& operator=(const Digest&) = delete;
    void add(Bytes b) { XXH3_128bits_update(state_, b.data(), b.size()); }
    std::string text() const {
        const auto d = XXH3_128bits_digest(state_);
        return fmt::format("{:016x}{:016x}", d.high64, d.low64);
    }

private:
    XXH3_state_t* state_;
};

std::int64_t now_ns() { return Clock::now().time_since_epoch().count(); }
double since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }

// Where the kernel drops what the reader has not taken, the reader says how far it is.
bool needs_window(const Channel& c) { return !c.traits().lossless; }

Result<> give_credit(Channel& c, std::uint64_t received) { return c.send(bytes_of(received), patience); }

// Other numbers are answers to empty messages of meet_reader() that came late.
Result<> wait_for_credit(Channel& c, std::uint64_t sent) {
    for (std::uint64_t received = 0;;) {
        std::byte note[sizeof received];
        WYE_TRY(const auto got, c.recv(note, patience));
        if (got.size() != sizeof received)
            return refuse(Errc::mismatch, fmt::format("a credit of {} bytes", got.size()));
        std::memcpy(&received, note, sizeof received);
        if (received == sent) return {};
    }
}

// Where nobody tells whether a reader is there yet: empty messages until one was answered.
Result<> meet_reader(Channel& to) {
    for (const Deadline end = patience;;) {
        std::byte note[16];
        if (to.send({}, patience) && to.recv(note, 200ms)) return {};
        if (end.passed()) return fail(Errc::timed_out, "waiting for the reader");
        std::this_thread::sleep_for(2ms);
    }
}

Result<> send_file(Channel& to, const Errand& e, Report& report, Digest& digest) {
    // Where nobody holds the writer back, a window of messages must fit into the reader's buffer (208 KiB for UDP).
    const auto chunk = std::min<std::uint64_t>({e.chunk, to.max_message(), needs_window(to) ? lossy_chunk : e.chunk});
    std::vector<std::byte> room(chunk);
    std::uint64_t left = e.bytes;
    if (needs_window(to)) WYE_CHECK(meet_reader(to));
    for (const auto& file : e.files) {
        std::ifstream in(file, std::ios::binary);
        while (in && left > 0) {
            in.read(reinterpret_cast<char*>(room.data()),
                    static_cast<std::streamsize>(std::min<std::uint64_t>(chunk, left)));
            const auto part = Bytes(room).first(static_cast<std::size_t>(in.gcount()));
            if (part.empty()) break;
            WYE_CHECK(to.send(part, patience));
            digest.add(part);
            left -= part.size();
            report.bytes += part.size();
            if (++report.messages % window == 0 && needs_window(to)) WYE_CHECK(wait_for_credit(to, report.messages));
        }
    }
    return {};
}

Result<> receive_file(Channel& from, const Errand& e, Report& report, Digest& digest) {
    auto start = Clock::now();
    for (; report.bytes < e.bytes;) {
        WYE_TRY(const auto part, from.recv_view(patience));
        if (part.empty()) {  // meet_reader()
            WYE_CHECK(give_credit(from, report.messages));
            continue;
        }
        if (report.messages == 0) start = Clock::now();
        digest.add(part);
        report.bytes += part.size();
        if (++report.messages % window == 0 && needs_window(from)) WYE_CHECK(give_credit(from, report.messages));
    }
    report.seconds = since(start);
    return {};
}

// One message each 50 us: the reader has gone to sleep before the next comes, as it mostly has in real use.
Result<> send_pings(Channel& to, const Errand& e) {
    std::byte ping[ping_size]{};
    auto next = Clock::now() + 5ms;  // let the reader come out of the file
    for (unsigned i = 0; i < e.pings; ++i, next += 50us) {
        while (Clock::now() < next) std::this_thread::yield();
        const auto stamp = now_ns();
        std::memcpy(ping, &stamp, sizeof stamp);
        WYE_CHECK(to.send(ping, patience));
        if ((i + 1) % window == 0 && needs_window(to)) WYE_CHECK(wait_for_credit(to, i + 1));
    }
    return {};
}

Result<> receive_pings(Channel& from, const Errand& e, Report& report) {
    for (unsigned i = 0; i < e.pings; ++i) {
        WYE_TRY(const auto ping, from.recv_view());
        std::int64_t stamp = 0;
        if (ping.size() != ping_size) return refuse(Errc::mismatch, fmt::format("a ping of {} bytes", ping.size()));
        std::memcpy(&stamp, ping.data(), sizeof stamp);
        report.latencies.push_back(now_ns() - stamp);
        if ((i + 1) % window == 0 && needs_window(from)) WYE_CHECK(give_credit(from, i + 1));
    }
    std::ranges::sort(report.latencies);
    return {};
}

template <class File, class Pings>
Report walk(File&& file, Pings&& pings) {
    Report report;
    Digest digest;
    auto before = sys::count();
    Result<> r = file(report, digest);
    report.calls = sys::count() - before;
    report.digest = digest.text();
    before = sys::count();
    if (r) r = pings(report);
    report.ping_calls = sys::count() - before;
    if (!r) {
        report.error = r.error().message();
        report.missing = r.error().is(Errc::unsupported);
    }
    return report;
}

// The reader's object may not be there yet when the writer comes.
Result<Channel> open_when_there(const std::string& uri, OpenOptions how) {
    for (const Deadline end = 5s;;) {
        auto c = open(uri, how, end);
        if (c || end.passed() || !(c.error().is(Errc::not_found) || c.error().is(Errc::timed_out))) return c;
        std::this_thread::sleep_for(2ms);
    }
}

int run_peer(const std::string& role, const std::string& order) {
    const auto errand = nlohmann::json::parse(order).get<Errand>();
    const bool sends = role == "send";
    const auto* m = find_mechanism(Uri::parse(errand.uri)->scheme());
    auto channel =
        sends ? open_when_there(errand.uri, {.mode = m->traits.duplex ? Mode::both : Mode::write})
              : open(errand.uri, {.mode = m->traits.duplex ? Mode::both : Mode::read, .create = Create::if_missing},
                     patience);
    Report report;
    if (channel) {
        report = sends ? tour_send(*channel, errand) : tour_receive(*channel, errand);
    } else {
        report.error = channel.error().message();
        report.missing = channel.error().is(Errc::unsupported);
    }
    write_report(report, errand);
    return report.error.empty() ? exit_ok : exit_failed;
}

Run define(Arguments& app) {
    auto words = std::make_shared<std::vector<std::string>>();
    app.add_option("words", *words)->expected(2);
    return [words] { return run_peer((*words)[0], (*words)[1]); };
}

}  // namespace

Report tour_send(Channel& to, const Errand& e) {
    return walk([&](Report& r, Digest& d) { return send_file(to, e, r, d); },
                [&](Report&) { return send_pings(to, e); });
}

Report tour_receive(Channel& from, const Errand& e) {
    return walk([&](Report& r, Digest& d) { return receive_file(from, e, r, d); },
                [&](Report& r) { return receive_pings(from, e, r); });
}

void write_report(const Report& report, const Errand& e) {
    // Whole or not at all: the reader waits for the name.
    const auto half = e.report + ".half";
    std::ofstream(half) << nlohmann::json(report);
    std::error_code ignored;
    std::filesystem::rename(half, e.report, ignored);
}

Result<Report> read_report(const std::string& path) {
    std::ifstream in(path);
    if (!in) return refuse(Errc::peer_died, "ended without a report");
    try {
        return nlohmann::json::parse(in).get<Report>();
    } catch (const nlohmann::json::exception& e) {
        return refuse(Errc::corrupt, e.what());
    }
}

extern const Command tour_peer_command;
const Command tour_peer_command{.name = "__tour", .arguments = "", .summary = "", .examples = "", .define = define};

}  // namespace wye::cli
