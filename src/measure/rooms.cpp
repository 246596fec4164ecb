#include "measure/rooms.hpp"

#include "wye/pattern/pub_sub.hpp"
#include "wye/pattern/request.hpp"
#include "wye/pattern/work_queue.hpp"
#include "wye/registry/open.hpp"
#include "wye/sync/signals.hpp"
#include "wye/transport/shm_ring.hpp"

#include "measure/clock.hpp"
#include "measure/offer.hpp"
#include "os/fork.hpp"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <deque>
#include <stdexcept>

namespace wye::measure {
namespace {

using namespace std::chrono_literals;
constexpr auto patience = 3s;  // of who opens
constexpr std::string_view subject = "SUBJECT";

// Who comes first waits for the other to make it.
template <class F>
auto when_there(F&& open) {
    for (const Deadline d = patience;; ::usleep(500)) {
        auto r = open(d);
        if (r || !r.error().is(Errc::not_found) || d.passed()) return or_throw(std::move(r));
    }
}

// What is there now, looked for again and again, or waited for.
template <class F>
auto got(bool poll, std::chrono::nanoseconds quiet, F&& recv) {
    for (;;) {
        auto r = recv(poll ? Deadline::now() : Deadline(quiet));
        if (r || !poll || !r.error().is(Errc::timed_out)) return or_throw(std::move(r));
        relax();
    }
}

std::size_t copied(Bytes from, MutBytes to) {
    const auto n = std::min(from.size(), to.size());
    std::memcpy(to.data(), from.data(), n);
    return n;
}

// ---------------------------------------------------------------- ends

class ChannelEnd : public End {
public:
    ChannelEnd(std::shared_ptr<Channel> out, std::shared_ptr<Channel> in, std::chrono::nanoseconds quiet)
        : out_(std::move(out)), in_(std::move(in)), quiet_(quiet) {}
    void send(Bytes b) override { or_throw(out_->send(b, patience)); }
    std::size_t recv(MutBytes into, bool poll) override {
        if (!sized_) room_.resize(std::max(in_->max_message() < (1 << 16) ? in_->max_message() : 0, into.size()));
        sized_ = true;
        if (into.size() >= room_.size())
            return got(poll, quiet_, [&](Deadline d) { return in_->recv(into, d); }).size();
        return copied(got(poll, quiet_, [&](Deadline d) { return in_->recv(room_, d); }), into);
    }

    void send_loan(std::size_t n) override { or_throw(or_throw(out_->loan(n, patience)).commit()); }
    void recv_loan() override { (void)or_throw(in_->take(patience)); }

private:
    std::shared_ptr<Channel> out_, in_;
    std::chrono::nanoseconds quiet_;
    std::vector<std::byte> room_{};  // where a means asks for room for its largest
    bool sized_ = false;
};

// The ring's own calls for several: a channel has none. From the second to the first.
class BatchEnd : public End {
public:
    BatchEnd(const std::string& name, bool reads) {
        const ShmOptions there{.create = Create::never};
        if (reads)
            reader_.emplace(or_throw(ShmReader::open(name, there)));
        else
            writer_.emplace(or_throw(ShmWriter::open(name, there)));
    }
    void send(Bytes b) override { or_throw(writer_->send(b, patience)); }
    std::size_t recv(MutBytes into, bool) override { return or_throw(reader_->recv(into, patience)).size(); }
    std::size_t send_many(std::span<const Bytes> all) override { return or_throw(writer_->send_many(all, patience)); }
    std::size_t recv_many(std::size_t most, const std::function<void(Bytes)>& each) override {
        return or_throw(reader_->drain(most, each, patience));
    }

private:
    std::optional<ShmReader> reader_;
    std::optional<ShmWriter> writer_;
};

class TokenEnd : public End {
public:
    TokenEnd(Semaphore out, Semaphore in, std::chrono::nanoseconds quiet)
        : out_(std::move(out)), in_(std::move(in)), quiet_(quiet) {}
    void send(Bytes) override { or_throw(out_.post()); }
    std::size_t recv(MutBytes, bool poll) override {
        got(poll, quiet_, [&](Deadline d) { return in_.wait(d); });
        return 0;
    }

private:
    Semaphore out_, in_;
    std::chrono::nanoseconds quiet_;
};

class PublisherEnd : public End {
public:
    explicit PublisherEnd(Publisher<Bytes> p) : p_(std::move(p)) {}
    void send(Bytes b) override { or_throw(p_.publish(b, {}, patience)); }
    std::size_t recv(MutBytes, bool) override { throw std::logic_error("a publisher"); }

private:
    Publisher<Bytes> p_;
};

class SubscriberEnd : public End {
public:
    explicit SubscriberEnd(Subscriber<Bytes> s) : s_(std::move(s)) {}
    void send(Bytes) override { throw std::logic_error("a subscriber"); }
    std::size_t recv(MutBytes into, bool poll) override {
        const auto sample = got(poll, patience, [&](Deadline d) { return s_.next(d); });
        return copied(*sample, into);
    }

private:
    Subscriber<Bytes> s_;
};

class ProducerEnd : public End {
public:
    explicit ProducerEnd(Producer<Bytes> p) : p_(std::move(p)) {}
    void send(Bytes b) override { or_throw(p_.put(b, patience)); }
    std::size_t recv(MutBytes, bool) override { throw std::logic_error("a producer"); }

private:
    Producer<Bytes> p_;
};

class WorkerEnd : public End {
public:
    explicit WorkerEnd(Worker<Bytes> w) : w_(std::move(w)) {}
    void send(Bytes) override { throw std::logic_error("a worker"); }
    std::size_t recv(MutBytes into, bool poll) override {
        auto job = got(poll, patience, [&](Deadline d) { return w_.take(d); });
        const auto n = copied(*job, into);
        or_throw(std::move(job).done());
        return n;
    }

private:
    Worker<Bytes> w_;
};

class ClientEnd : public End {
public:
    explicit ClientEnd(Client<Bytes, Bytes> c) : c_(std::move(c)) {}
    void send(Bytes b) override { answer_ = or_throw(c_.call(b, patience)); }
    std::size_t recv(MutBytes into, bool) override { return copied(answer_, into); }
    std::size_t ask_looking(Bytes b, MutBytes into) override {
        const auto call = or_throw(c_.begin(b, patience));
        return copied(got(true, patience, [&](Deadline) { return c_.poll(call); }), into);
    }
    void ask(Bytes b) override { asked_.push_back(or_throw(c_.stream(b, patience))); }
    std::size_t answer(MutBytes into) override {
        const auto n = copied(or_throw(asked_.front().next()), into);
        asked_.pop_front();
        return n;
    }

private:
    Client<Bytes, Bytes> c_;
    decltype(or_throw(c_.call(Bytes{}, Deadline::now()))) answer_{};
    std::deque<Replies<Bytes>> asked_{};
};

class ServerEnd : public End {
public:
    explicit ServerEnd(Server<Bytes, Bytes> s) : s_(std::move(s)) {}
    void send(Bytes) override { throw std::logic_error("a server"); }
    std::size_t recv(MutBytes, bool) override { throw std::logic_error("a server"); }
    // The question is copied out, and the answer in, as by everybody.
    void serve(MutBytes room) override {
        or_throw(s_.serve_one([room](Bytes b) { return Bytes(room.first(copied(b, room))); }));
    }
    void serve_looking(MutBytes room) override {
        got(true, patience, [&](Deadline d) {
            return s_.serve_one([room](Bytes b) { return Bytes(room.first(copied(b, room))); }, d);
        });
    }
    void serve_with(MutBytes room, Bytes answer) override {
        or_throw(s_.serve_one([room, answer](Bytes b) { return copied(b, room), answer; }));
    }

private:
    Server<Bytes, Bytes> s_;
};

// ---------------------------------------------------------------- means

class Room : public Means {
public:
    Room(const Mechanism& m, const std::string& variant, std::string files, std::size_t nth, std::string given)
        : m_(m), variant_(variant), given_(std::move(given)), nth_(nth) {
        name = std::string(m.traits.scheme) + (variant.empty() ? "" : ":" + variant);
        group = "wye", version = WYE_VERSION, summary = std::string(m.summary);
        lossless = m.traits.lossless;
        carries = !m.open_semaphore;
        own_threads = m.traits.scheme == "nats";
        knocks = variant == "dgram" || m.traits.scheme == "udp";
        named = !m.open_pair, directory = std::move(files);
        of_one_user = std::ranges::any_of(
            advice::offers(), [&](const advice::Offer& o) { return o.own_user && o.means == m.traits.scheme; });
        polls = !own_threads;
        can = several | (m.traits.loans && variant != "queue" ? lends : 0u);  // a queue's job is no lease
        if (named && !m.traits.duplex) can |= comes_again;
        if (variant == "broadcast") can |= recalls;
        if (m.traits.stored) can |= recalls | all_of_it;
        if (m.traits.scheme == "shm" && variant.empty()) can |= batches;
        if (!variant.empty() && nth > 0) return;
        for (const auto* c : carrier::carriers())
            if (c->scheme == m.traits.scheme) {
                if (c->publisher) shapes |= fan, can |= c->able.history ? recalls : 0u;
                if (c->able.most >= Durability::process) keeps_ = Durability::process;
                if (c->producer) shapes |= queue;
                if (c->client) shapes |= request, can |= flights | answers | (polls ? looks : 0u);
            }
    }

    // The kernel's own limit on a message, which only an open one knows.
    void ask_largest() {
        if (m_.open_pair || m_.open_semaphore || !m_.scratch || !(m_.make || takes(m_, "listen"))) return;
        if (!takes(m_, "listen") && m_.traits.boundaries != Boundaries::message) return;  // opening would wait
        try {
            prepare(duel, 2);
            const auto n = (ours_ ? ours_ : channel(there_, Mode::read))->max_message();
            if (n < (1 << 20)) largest = n;
        } catch (const std::exception&) {
            // What is wrong with it is said when it is measured.
        }
        clean();
    }

    std::unique_ptr<Means> another() const override {
        auto one = std::make_unique<Room>(m_, variant_, directory, nth_, given_);
        one->size = size, one->quiet = quiet;
        return one;
    }
    void prepare(Shape shape, unsigned parties) override {
        shape_ = shape, parties_ = parties;
        const bool two = shape == duel && !m_.traits.duplex;
        if (m_.open_pair) {
            there_pair_ = or_throw(open_pair(std::string(m_.traits.scheme) + ":"));
            if (two) back_pair_ = or_throw(open_pair(std::string(m_.traits.scheme) + ":"));
            return;
        }
        there_ = fresh();
        if (two) back_ = fresh();
        if (shape == duel && m_.make && !takes(m_, "listen"))
            for (const auto& u : {there_, back_})
                if (!u.empty() && !m_.open_semaphore)
                    or_throw(make(u, {.create = Create::if_missing, .permissions = permissions}));
        // Before the other process is there, so that it finds somebody.
        if (listens()) ours_ = channel(with_param(there_, "listen"), Mode::both);
        if (m_.open_semaphore)
            for (const auto& u : {there_, back_})
                (void)or_throw(open_semaphore(u, {.create = Create::exclusive, .initial = 0}));
    }

    std::unique_ptr<End> open(Role role, unsigned) override {
        const bool first = role == Role::first;
        const bool tells_many = role == Role::publisher || role == Role::subscriber;
        if (role > Role::second) return tells_many && !(shapes & fan) ? kept_end(role) : pattern_end(role);
        if (at_once > 0) return std::make_unique<BatchEnd>(std::string(or_throw(Uri::parse(back_)).address()), first);
        if (m_.open_semaphore) {
            auto there = or_throw(open_semaphore(there_, {})), back = or_throw(open_semaphore(back_, {}));
            return first ? std::make_unique<TokenEnd>(std::move(there), std::move(back), quiet)
                         : std::make_unique<TokenEnd>(std::move(back), std::move(there), quiet);
        }
        if (m_.open_pair) return pair_end(first);
        if (m_.traits.duplex) {
            auto c = first && ours_ ? ours_ : channel(there_, Mode::both);
            if (listens()) greet(*c, first);
            return both_ways(c, c, first);
        }
        // In the same order at both ends: the opening of a FIFO waits for the other.
        auto there = channel(there_, first ? Mode::write : Mode::read);
        auto back = channel(back_, first ? Mode::read : Mode::write);
        return both_ways(there, back, first);
    }

    // What listens is its first peer's for good.
    std::unique_ptr<End> again(Role role, unsigned which) override {
        ours_.reset();
        if (listens() && role == Role::first) ours_ = channel(with_param(there_, "listen"), Mode::both);
        return open(role, which);
    }

    void clean() noexcept override {
        there_pair_.reset(), back_pair_.reset(), ours_.reset();
        for (const auto& u : {there_, back_})
            if (!u.empty() && m_.remove) (void)remove(u);
        there_.clear(), back_.clear();
    }

private:
    std::string fresh() const {
        if (!given_.empty())
            return std::string(given_).replace(given_.find(subject), subject.size(),
                                               "bench" + std::to_string(sys::unique_mark()));
        const auto all = m_.scratch(directory);
        if (all.size() <= nth_) throw std::runtime_error("no address to try it with");
        return m_.open_semaphore && takes(m_, "max") ? with_param(all[nth_], "max=32767") : all[nth_];
    }
    bool listens() const { return shape_ == duel && m_.traits.duplex && takes(m_, "listen"); }
    // Where packets tell whom they are from, or hands are shaken, the one who listens knows the other only then.
    static void greet(Channel& c, bool first) {
        std::byte hello[1]{};
        if (first)
            (void)or_throw(c.recv(hello, patience));
        else
            or_throw(c.send(hello, patience));
    }
    std::shared_ptr<Channel> channel(const std::string& uri, Mode mode) const {
        return std::make_shared<Channel>(when_there([&](Deadline d) {
            return wye::open(
                uri, {.mode = mode, .create = m_.make ? Create::if_missing : Create::never, .permissions = permissions},
                d);
        }));
    }
    std::unique_ptr<End> pair_end(bool first) {
        const auto part = [&](ChannelPair& p, bool reads) {
            (reads ? p.second : p.first).close();
            return std::make_shared<Channel>(std::move(reads ? p.first : p.second));
        };
        if (!back_pair_) {
            auto c = part(*there_pair_, first);
            return both_ways(c, c, first);
        }
        auto there = part(*there_pair_, !first), back = part(*back_pair_, first);
        return both_ways(there, back, first);
    }
    std::unique_ptr<End> both_ways(const std::shared_ptr<Channel>& there, const std::shared_ptr<Channel>& back,
                                   bool first) const {
        return std::make_unique<ChannelEnd>(first ? there : back, first ? back : there, quiet);
    }
    // That `history` messages find room, with what is written beside them.
    std::size_t depth() const { return history == 0 ? 0 : std::bit_ceil(2 * history * (size + 256)); }
    // A channel that has a history without a pattern.
    std::unique_ptr<End> kept_end(Role role) const {
        const bool tells = role == Role::publisher;
        auto uri = there_;
        if (!m_.traits.stored)
            uri = "shm:" + std::string(or_throw(Uri::parse(there_)).address()) + "?shape=broadcast&" +
                  (tells ? "bytes=" + std::to_string(depth()) : "history=" + std::to_string(history));
        const auto c = channel(uri, tells ? Mode::write : Mode::read);
        return std::make_unique<ChannelEnd>(c, c, quiet);
    }
    std::unique_ptr<End> pattern_end(Role role) const {
        const auto listen = takes(m_, "listen") ? with_param(there_, "listen") : there_;
        const auto& scheme = m_.traits.scheme;
        const auto most = size > (1 << 16) ? size + 4096 : 0;  // else the carrier's own
        const QueueOptions once{.max_message = most, .at_most_once = scheme == "posix-mq" || scheme == "sysv-mq"};
        switch (role) {
            case Role::publisher:
                return std::make_unique<PublisherEnd>(
                    or_throw(Publisher<Bytes>::open(listen,
                                                    {.depth = std::max(4 * most, depth()),
                                                     .max_message = most,
                                                     .subscribers = own_threads ? 0 : parties_ - 1,
                                                     .durability = history > 0 ? keeps_ : Durability::none},
                                                    patience)));
            case Role::subscriber:
                return std::make_unique<SubscriberEnd>(when_there([&](Deadline d) {
                    return Subscriber<Bytes>::open(there_,
                                                   {.slow = own_threads ? Slow::drop_oldest : Slow::block,
                                                    .history = history,
                                                    .max_message = most},
                                                   d);
                }));
            case Role::producer:
                return std::make_unique<ProducerEnd>(or_throw(Producer<Bytes>::open(listen, once, patience)));
            case Role::worker:
                return std::make_unique<WorkerEnd>(
                    when_there([&](Deadline d) { return Worker<Bytes>::open(there_, once, d); }));
            case Role::server:
                return std::make_unique<ServerEnd>(
                    or_throw(Server<Bytes, Bytes>::open(listen, {.max_message = most}, patience)));
            default:
                return std::make_unique<ClientEnd>(when_there(
                    [&](Deadline d) { return Client<Bytes, Bytes>::open(there_, {.max_message = most}, d); }));
        }
    }

    const Mechanism& m_;
    std::string variant_, given_;
    std::size_t nth_;
    Durability keeps_ = Durability::none;  // as far as a history needs it
    Shape shape_ = duel;
    unsigned parties_ = 2;
    std::string there_, back_;
    std::shared_ptr<Channel> ours_;
    std::optional<ChannelPair> there_pair_, back_pair_;
};

// A word by a queued signal: each process has the number blocked and takes the other's.
class Signals : public Means {
public:
    explicit Signals(const Mechanism& m) {
        name = "signal", group = "wye", version = WYE_VERSION, summary = std::string(m.summary);
        carries = false;
    }
    void prepare(Shape, unsigned) override {
        set_.emplace(or_throw(SignalSet::block({or_throw(real_time(0))})));
        parent_ = ::getpid();
    }
    std::unique_ptr<End> open(Role r, unsigned) override {
        return std::make_unique<Word>(*set_, r == Role::second ? parent_ : 0, quiet);
    }
    void clean() noexcept override { set_.reset(); }

private:
    class Word : public End {
    public:
        Word(SignalSet& set, pid_t to, std::chrono::nanoseconds quiet)
            : set_(set), number_(or_throw(real_time(0))), quiet_(quiet) {
            if (to) {  // so that it knows whom to answer
                target_.emplace(or_throw(SignalTarget::of(to)));
                send({});
            } else {
                target_.emplace(or_throw(SignalTarget::of(or_throw(set_.wait(patience)).sender)));
            }
        }
        void send(Bytes) override { or_throw(wye::queue(*target_, number_, 0)); }
        std::size_t recv(MutBytes, bool poll) override {
            (void)got(poll, quiet_, [&](Deadline d) { return set_.wait(d); });
            return 0;
        }

    private:
        SignalSet& set_;
        int number_;
        std::chrono::nanoseconds quiet_;
        std::optional<SignalTarget> target_;
    };
    std::optional<SignalSet> set_;
    pid_t parent_ = 0;
};

std::string variant_of(const std::string& uri) {
    const auto parsed = Uri::parse(uri);
    if (!parsed) return {};
    for (const auto what : {"type", "shape"})
        if (const auto value = parsed->get(what)) return std::string(*value);
    return parsed->address().starts_with("//[") ? "v6" : "";
}

}  // namespace

AllMeans room_means(const std::string& directory, const std::string& nats_uri, std::string_view only) {
    AllMeans all;
    for (const auto* m : mechanisms()) {
        if (!only.empty() && only.substr(0, only.find(':')) != m->traits.scheme) continue;
        const bool nats = m->traits.scheme == "nats";
        if (m->inherited || !m->started_peer.empty() || m->open_segment || (nats && nats_uri.empty())) continue;
        if (m->traits.scheme == "signal") {
            all.push_back(std::make_unique<Signals>(*m));
            continue;
        }
        const auto uris = m->open_pair || nats ? std::vector<std::string>{""}
                          : m->scratch         ? m->scratch(directory)
                                               : std::vector<std::string>{};
        for (std::size_t i = 0; i < uris.size(); ++i) {
            const auto variant = variant_of(uris[i]);
            if (!m->open && !m->open_pair && !m->open_semaphore) continue;
            auto room = std::make_unique<Room>(*m, variant, directory, i, nats ? nats_uri : "");
            if (only.empty()) room->ask_largest();
            all.push_back(std::move(room));
        }
    }
    return all;
}

}  // namespace wye::measure
