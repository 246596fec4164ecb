// Requests over rings: they wait in a queue ring by the channel's name, and whoever serves takes one; a server that
// died over one gives it to the next, by the queue's own leases. The answer goes into a queue of the client's own,
// NAME.to.MARK, which goes with the client; what a killed client left there goes when the next one opens.
#include "wye/core/mechanism.hpp"
#include "wye/registry/open.hpp"

#include "os/fork.hpp"
#include "pattern/held.hpp"
#include "pattern/shm.hpp"

#include <cstring>
#include <deque>
#include <map>

namespace wye::carrier {
namespace {

constexpr std::size_t most_clients_known = 32;
constexpr std::string_view between = ".to.";

// Behind the payload: the address of the answer, then this.
struct Asked {
    std::uint64_t call;
    std::int64_t deadline;  // of the steady clock, which all on a machine share
    std::uint8_t idempotent, address_length;
    std::uint8_t unused[6];
};
enum class Kind : std::uint8_t { part, last, refusal };
struct Answered {
    std::uint64_t call;
    Kind kind;
    Errc error;
    std::uint8_t unused[6];
};

template <Plain T>
void append(std::vector<std::byte>& to, const T& v) {
    const auto* p = reinterpret_cast<const std::byte*>(&v);
    to.insert(to.end(), p, p + sizeof v);
}

// What lies at the end of a message; nothing when it is too short.
template <Plain T>
std::optional<T> tail_of(Bytes& b) {
    if (b.size() < sizeof(T)) return {};
    T v;
    std::memcpy(&v, b.data() + b.size() - sizeof v, sizeof v);
    b = b.first(b.size() - sizeof v);
    return v;
}

std::int64_t clock_of(Deadline d) {
    using namespace std::chrono;
    if (d.is_never()) return std::numeric_limits<std::int64_t>::max();
    return duration_cast<nanoseconds>((Deadline::Clock::now() + d.left()).time_since_epoch()).count();
}
Deadline deadline_of(std::int64_t clock) {
    if (clock == std::numeric_limits<std::int64_t>::max()) return Deadline::never();
    return Deadline::at(Deadline::Clock::time_point(std::chrono::nanoseconds(clock)));
}

ShmOptions answers(Create create) {
    ShmOptions o{.create = create, .waits_on = true};
    o.made = {.shape = ring::Shape::queue, .participants = 64, .strict = true};
    return o;
}

// Queues of clients that were killed.
void sweep(const std::string& name) {
    const auto prefix = "shm:" + name + std::string(between);
    std::vector<std::string> dead;
    (void)shm_ring_mechanism.list([&](const Object& o) {
        if (!o.uri.starts_with(prefix)) return;
        const auto seen = inspect(o.uri);
        if (!seen) return;
        for (const auto& part : seen->parts)
            for (const auto& [key, value] : part.facts)
                if (const auto* alive = std::get_if<bool>(&value); alive && *alive && key == "alive") return;
        // One that is only being made has nobody yet either; its maker joins before anybody knows of it.
        if (std::ranges::any_of(seen->parts, [](const auto& p) { return p.kind == "participant"; }))
            dead.push_back(o.uri);
    });
    for (const auto& uri : dead) (void)remove(uri);
}

struct Asker final : Client {
    ShmProducer requests;
    std::string mine;
    ShmWorker replies;
    std::uint64_t calls = 0;
    struct Stashed {
        Answered end;
        std::vector<std::byte> bytes;
    };
    std::map<std::uint64_t, std::deque<Stashed>> waiting;  // of each call, what came while another was waited for
    std::optional<ShmJob> shown;                           // what next() handed out last
    std::vector<std::byte> room;

    Asker(ShmProducer p, std::string name, ShmWorker w)
        : requests(std::move(p)), mine(std::move(name)), replies(std::move(w)) {}
    ~Asker() override {
        shown.reset();
        (void)remove("shm:" + mine);
    }

    Result<std::uint64_t> begin(Bytes b, const CallOptions& how, Deadline d) override {
        room.assign(b.begin(), b.end());
        const auto address = bytes_of(std::string_view(mine));
        room.insert(room.end(), address.begin(), address.end());
        const auto call = ++calls;
        append(room, Asked{call, clock_of(d), how.idempotent, static_cast<std::uint8_t>(mine.size()), {}});
        WYE_CHECK(requests.send(room, d));
        waiting[call];
        return call;
    }
    Result<Reply> next(std::uint64_t call, Deadline d) override {
        if (shown) std::move(*std::exchange(shown, std::nullopt)).done();
        const auto mine_of = waiting.find(call);
        if (mine_of == waiting.end()) return fail(Errc::not_found, "next");
        if (auto& stash = mine_of->second; !stash.empty()) {
            const auto s = std::move(stash.front());
            stash.pop_front();
            room = s.bytes;
            return answer(call, s.end, room);
        }
        for (;;) {
            WYE_TRY(auto job, replies.take(d));
            auto bytes = job.bytes();
            const auto end = tail_of<Answered>(bytes);
            const auto whose = end ? waiting.find(end->call) : waiting.end();
            if (whose != waiting.end() && end->call != call)
                whose->second.push_back({*end, {bytes.begin(), bytes.end()}});
            if (whose != waiting.end() && end->call == call) {
                shown.emplace(std::move(job));
                return answer(call, *end, bytes);
            }
            std::move(job).done();
        }
    }
    Result<Reply> answer(std::uint64_t call, const Answered& end, Bytes bytes) {
        if (end.kind == Kind::part) return Reply{bytes, false};
        waiting.erase(call);
        if (end.kind == Kind::last) return Reply{bytes, true};
        const bool known = end.error >= Errc::timed_out && end.error <= Errc::failed;
        return refuse(known ? end.error : Errc::failed, text_of(bytes));
    }
    void cancel(std::uint64_t call) noexcept override { waiting.erase(call); }
    std::size_t max_message() const noexcept override { return requests.max_message() - sizeof(Asked) - mine.size(); }
    int native_handle() noexcept override { return replies.native_handle(); }
};

struct Answerer final : Server {
    struct Pending {
        ShmJob job;
        std::string client;
        std::uint64_t call;
        Deadline deadline;
    };
    struct Known {
        ShmProducer producer;
        std::uint64_t used;
    };
    std::string name;
    ShmWorker requests;
    std::map<std::string, Known> clients;
    std::uint64_t uses = 0;
    Held<Pending> pending;
    std::vector<std::byte> room;

    Answerer(std::string n, ShmWorker w) : name(std::move(n)), requests(std::move(w)) {}

    Result<Request> next(Deadline d) override {
        for (;;) {
            WYE_TRY(auto job, requests.take(d));
            auto bytes = job.bytes();
            const auto asked = tail_of<Asked>(bytes);
            if (!asked || bytes.size() < asked->address_length) {
                std::move(job).done();  // no request: of another program
                continue;
            }
            Pending p{std::move(job), std::string(text_of(bytes.last(asked->address_length))), asked->call,
                      deadline_of(asked->deadline)};
            bytes = bytes.first(bytes.size() - asked->address_length);
            if (!p.client.starts_with(name + std::string(between)) || p.deadline.passed()) {
                std::move(p.job).done();
                continue;
            }
            const bool again = p.job.deliveries() > 1;
            if (again && asked->idempotent == 0) {
                const auto died = Error::saying(Errc::peer_died, "its server died over it");
                (void)send(p, bytes_of(died.message()), Kind::refusal, died.kind());
                std::move(p.job).done();
                continue;
            }
            const auto until = p.deadline;
            return Request{bytes, pending.add(std::move(p)), until, again};
        }
    }
    Result<> reply(std::uint64_t token, Bytes b, bool last, Deadline) override {
        return answer(token, b, last ? Kind::last : Kind::part, Errc::failed);
    }
    Result<> refuse(std::uint64_t token, const Error& e, Deadline) override {
        return answer(token, bytes_of(e.message()), Kind::refusal, e.kind());
    }
    // What goes wrong on the way is the caller's: he has gone, or did not want it any more.
    Result<> answer(std::uint64_t token, Bytes b, Kind kind, Errc error) {
        auto* p = pending.find(token);
        if (!p) return fail(Errc::not_found, "reply");
        const auto sent = send(*p, b, kind, error);
        if (kind != Kind::part) std::move(pending.take(token)->job).done();
        if (!sent && sent.error().is(Errc::too_big)) return sent;
        return {};
    }
    Result<> send(const Pending& p, Bytes b, Kind kind, Errc error) {
        room.assign(b.begin(), b.end());
        append(room, Answered{p.call, kind, error, {}});
        auto known = clients.find(p.client);
        if (known == clients.end()) {
            WYE_TRY(auto producer, ShmProducer::open(p.client, answers(Create::never)));
            make_room();
            known = clients.emplace(p.client, Known{std::move(producer), 0}).first;
        }
        known->second.used = ++uses;
        auto sent = known->second.producer.send(room, p.deadline);
        if (!sent && !sent.error().is(Errc::timed_out)) {
            const bool died = sent.error().is(Errc::peer_died);
            clients.erase(known);
            if (died) (void)wye::remove("shm:" + p.client);
        }
        return sent;
    }
    void make_room() {
        if (clients.size() < most_clients_known) return;
        clients.erase(std::ranges::min_element(clients, {}, [](const auto& c) { return c.second.used; }));
    }
    bool cancelled(std::uint64_t token) noexcept override {
        const auto* p = pending.find(token);
        return !p || p->deadline.passed() || !wye::remove("shm:" + p->client, {.dry_run = true});
    }
    int native_handle() noexcept override { return requests.native_handle(); }
};

Result<ShmOptions> options(const Uri& uri, const ServeOptions& how) {
    WYE_TRY(auto o, shm_options(uri, ring::Shape::queue, how.create, 0, how.max_message));
    if (uri.address().size() > 150) return uri.refuse("a name of up to 150 letters", "shm:square");
    o.made.strict = true;  // any number of clients
    if (o.made.participants == 0) o.made.participants = 128;
    return o;
}

}  // namespace

Result<std::unique_ptr<Client>> open_shm_client(const Uri& uri, const ServeOptions& how, Deadline) {
    WYE_TRY(const auto o, options(uri, how));
    const std::string name(uri.address());
    sweep(name);
    WYE_TRY(auto requests, ShmProducer::open(name, o));
    auto mine = name + std::string(between) + std::to_string(sys::unique_mark());
    WYE_TRY(auto replies, ShmWorker::open(mine, answers(Create::exclusive)));
    return std::make_unique<Asker>(std::move(requests), std::move(mine), std::move(replies));
}

Result<std::unique_ptr<Server>> open_shm_server(const Uri& uri, const ServeOptions& how, Deadline) {
    WYE_TRY(const auto o, options(uri, how));
    const std::string name(uri.address());
    sweep(name);
    WYE_TRY(auto requests, ShmWorker::open(name, o));
    return std::make_unique<Answerer>(name, std::move(requests));
}

}  // namespace wye::carrier
