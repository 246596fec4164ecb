// Pub-sub over a broadcast ring. A message is the payload, aligned as the ring gives it, and behind it the topic and
// the topic's length in one byte: who looks at the payload looks at it where it was written.
#include "wye/pattern/topic.hpp"

#include "pattern/held.hpp"
#include "pattern/shm.hpp"

#include <cstring>

namespace wye::carrier {
namespace {

constexpr std::size_t small = 1024;  // up to here a copy costs less than a loan

struct Trailer {
    std::array<std::byte, longest_topic + 1> bytes;
    std::size_t size;

    explicit Trailer(std::string_view topic) noexcept : size(topic.size() + 1) {
        if (!topic.empty()) std::memcpy(bytes.data(), topic.data(), topic.size());
        bytes[topic.size()] = static_cast<std::byte>(topic.size());
    }
    operator Bytes() const noexcept { return {bytes.data(), size}; }  // NOLINT
};

struct ShmPublisher final : Publisher, Loan::Owner {
    struct Drafted {
        std::string topic;
        std::optional<Loan> loan;
        std::vector<std::byte> room;
    };
    ShmWriter writer;
    std::size_t most;
    Held<Drafted> drafts;

    ShmPublisher(ShmWriter w) : writer(std::move(w)), most(writer.max_message() - Trailer({}).bytes.size()) {}

    Result<> publish(std::string_view topic, Bytes b, std::string_view, Deadline d) override {
        if (!topic.empty()) WYE_CHECK(check_topic(topic));
        if (b.size() > most) return fail(Errc::too_big, "publish");
        return writer.send(b, Trailer(topic), d);
    }
    Result<Loan> loan(std::string_view topic, std::size_t n, Deadline d) override {
        WYE_CHECK(check_topic(topic));
        if (n > most) return fail(Errc::too_big, "loan");
        Drafted draft{std::string(topic), {}, {}};
        MutBytes place;
        if (n > small) {
            WYE_TRY(auto lent, writer.loan(n + Trailer(topic).size, d));
            place = lent.bytes().first(n);
            draft.loan = std::move(lent);
        } else {
            draft.room.resize(n);
            place = draft.room;  // its bytes stay where they are when the vector is moved
        }
        return Loan(*this, place, drafts.add(std::move(draft)));
    }
    Result<> commit(MutBytes place, std::uint64_t token) override {
        auto draft = drafts.take(token);
        if (!draft->loan) return writer.send(place, Trailer(draft->topic), Deadline::never());
        const Trailer trailer(draft->topic);
        std::memcpy(draft->loan->bytes().data() + place.size(), trailer.bytes.data(), trailer.size);
        return std::move(*draft->loan).commit();
    }
    void cancel(MutBytes, std::uint64_t token) noexcept override { (void)drafts.take(token); }
    Result<> flush(Deadline) override { return {}; }  // it is in the ring
    std::size_t max_message() const noexcept override { return most; }
};

struct ShmSubscriber final : Subscriber {
    ShmReader reader;
    std::string filter;
    bool all, latest;  // latest: of what the filter means, which the ring cannot know
    std::uint64_t passed_over = 0;
    std::vector<std::byte> room;

    ShmSubscriber(ShmReader r, const SubscribeOptions& o)
        : reader(std::move(r)), filter(o.filter), all(filter == ">"), latest(!all && o.slow == Slow::latest) {}

    Result<Sample> next(Deadline d) override {
        if (!latest) [[likely]]
            return one(d);
        WYE_TRY(auto got, one(d));
        for (;; ++passed_over) {
            const auto sequence = got.sequence;
            room.assign(got.bytes.begin(), got.bytes.end());
            room.insert(room.end(), as_bytes(got.topic).begin(), as_bytes(got.topic).end());
            const auto n = got.bytes.size();
            auto newer = one(Deadline::now());
            if (!newer) return Sample{text_of(Bytes(room).subspan(n)), Bytes(room).first(n), sequence};
            got = *newer;
        }
    }
    Result<Sample> one(Deadline d) {
        for (;;) {
            WYE_TRY(const auto got, reader.recv_view(d));
            const auto n = got.empty() ? 0 : std::to_integer<std::size_t>(got.back());
            if (got.size() < n + 1) return refuse(Errc::corrupt, "a message without a topic");
            const auto topic = text_of(got.subspan(got.size() - 1 - n, n));
            if (all || matches(filter, topic)) return Sample{topic, got.first(got.size() - 1 - n), reader.number()};
        }
    }
    static Bytes as_bytes(std::string_view s) noexcept { return bytes_of(s); }
    std::uint64_t lost() const noexcept override { return reader.lost() + passed_over; }
    int native_handle() noexcept override { return reader.native_handle(); }
};

}  // namespace

Result<std::unique_ptr<Publisher>> open_shm_publisher(const Uri& uri, const PublishOptions& how, Deadline) {
    if (how.durability != Durability::none)
        return refuse(Errc::unsupported, std::string(uri.text()) +
                                             ": what is in memory survives no more than its readers; nats: keeps more");
    WYE_TRY(auto o, shm_options(uri, ring::Shape::broadcast, how.create, how.depth, how.max_message));
    o.readers = how.subscribers;
    WYE_TRY(auto writer, ShmWriter::open(std::string(uri.address()), o));
    return std::make_unique<ShmPublisher>(std::move(writer));
}

Result<std::unique_ptr<Subscriber>> open_shm_subscriber(const Uri& uri, const SubscribeOptions& how, Deadline) {
    WYE_TRY(auto o, shm_options(uri, ring::Shape::broadcast, how.create, 0, how.max_message));
    if (!how.name.empty())
        return refuse(Errc::unsupported, std::string(uri.text()) + ": has no durable subscriptions; nats: has");
    constexpr ring::Policy policies[] = {ring::Policy::drop, ring::Policy::latest, ring::Policy::block,
                                         ring::Policy::demote};
    o.policy = policies[static_cast<std::size_t>(how.slow)];
    if (how.slow == Slow::latest && how.filter != ">") o.policy = ring::Policy::drop;
    o.patience_ms = static_cast<unsigned>(how.patience.count());
    o.history = how.history;
    WYE_TRY(auto reader, ShmReader::open(std::string(uri.address()), o));
    return std::make_unique<ShmSubscriber>(std::move(reader), how);
}

}  // namespace wye::carrier
