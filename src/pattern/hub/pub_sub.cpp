// Publishers and subscribers of a hub.
#include "wye/pattern/topic.hpp"

#include "pattern/hub/ends.hpp"
#include "pattern/hub/link.hpp"
#include "pattern/hub/topic_hub.hpp"

namespace wye::hub {
namespace {

using namespace std::chrono_literals;
constexpr auto newest_patience = 5ms;  // for the hub's word on what is newest

class AnyPublisher : public carrier::Publisher, Loan::Owner {
public:
    Result<Loan> loan(std::string_view topic, std::size_t n, Deadline d) override {
        if (n > max_message()) return fail(Errc::too_big, "loan");
        room_.resize(n);
        topic_ = topic, until_ = d;
        return Loan(*this, room_);
    }

private:
    Result<> commit(MutBytes b, std::uint64_t) override { return publish(topic_, b, {}, until_); }
    void cancel(MutBytes, std::uint64_t) noexcept override {}
    std::vector<std::byte> room_;
    std::string topic_;
    Deadline until_ = Deadline::never();
};

class HubPublisher final : public AnyPublisher {
public:
    HubPublisher(std::unique_ptr<TopicHub> h, unsigned least) : hub_(std::move(h)), least_(least) {}
    Result<> publish(std::string_view topic, Bytes b, std::string_view id, Deadline d) override {
        if (least_) WYE_CHECK(hub_->wait_subscribers(least_, d));
        least_ = 0;
        WYE_CHECK(hub_->publish(topic, b, id, count_ + 1, d));
        ++count_;
        return {};
    }
    Result<> flush(Deadline d) override { return hub_->flush(d); }
    std::size_t max_message() const noexcept override { return hub_->max_message(); }

private:
    std::unique_ptr<TopicHub> hub_;
    std::uint64_t count_ = 0;
    unsigned least_;
};

class LinkPublisher final : public AnyPublisher {
public:
    explicit LinkPublisher(std::unique_ptr<Link> l) : link_(std::move(l)) {}
    Result<> publish(std::string_view topic, Bytes b, std::string_view id, Deadline d) override {
        if (b.size() > max_message()) return fail(Errc::too_big, "publish");
        if (id.size() > 255) return fail(Errc::too_big, "id");
        if (!topic.empty()) WYE_CHECK(check_topic(topic));
        for (;;) {
            if (!link_->up()) WYE_CHECK(link_->mend(d));
            auto r = link_->send({.kind = Kind::publish, .words = {count_ + 1}, .text = topic, .id = id, .body = b}, d);
            if (r) ++count_;
            if (r || !r.error().is(Errc::peer_died)) return r;
        }
    }
    Result<> flush(Deadline d) override { return link_->flush(d); }
    std::size_t max_message() const noexcept override { return link_->max_message(); }

private:
    std::unique_ptr<Link> link_;
    std::uint64_t count_ = 0;
};

class HubSubscriber final : public carrier::Subscriber {
public:
    HubSubscriber(std::unique_ptr<TopicHub> h, const SubscribeOptions& how) : hub_(std::move(h)) {
        reader_.filter = how.filter, reader_.slow = how.slow, reader_.patience = how.patience;
        hub_->join(reader_, bell_, how.history);
    }
    ~HubSubscriber() override { hub_->leave_local(); }
    Result<carrier::Sample> next(Deadline d) override {
        in_.took(std::exchange(last_, 0));
        if (in_.empty()) WYE_CHECK(hub_->fetch(in_, lost_, d));
        Frame f;
        Bad bad;
        last_ = cut(in_.bytes(), hub_->max_message(), f, bad);
        if (in_.size() > last_) bell_.ring(true);
        return carrier::Sample{f.text, f.body, f.words[0]};
    }
    std::uint64_t lost() const noexcept override { return lost_; }
    int native_handle() noexcept override {
        if (bell_.used()) return bell_.handle();
        const int h = bell_.handle();
        bell_.ring(true);  // perhaps for nothing: the next next() knows
        return h;
    }

private:
    Reader reader_;
    Bell bell_;
    Pile in_;
    std::size_t last_ = 0;
    std::uint64_t lost_ = 0;
    std::unique_ptr<TopicHub> hub_;
};

class LinkSubscriber final : public carrier::Subscriber {
public:
    explicit LinkSubscriber(std::unique_ptr<Link> l)
        : link_(std::move(l)), newest_only_(link_->hello.slow == Slow::latest) {}
    Result<carrier::Sample> next(Deadline d) override {
        auto got = one(d);
        if (got && newest_only_) got = newest(*got);
        link_->settle();
        return got;
    }
    std::uint64_t lost() const noexcept override { return lost_; }
    int native_handle() noexcept override { return link_->native_handle(); }

private:
    Result<carrier::Sample> one(Deadline d) {
        for (;;) {
            if (!link_->up()) WYE_CHECK(link_->mend(d));
            const auto f = link_->next(d);
            if (!f && link_->up()) return std::unexpected(f.error());
            if (!f) continue;  // the next publisher is heard when it comes
            if (f->kind == Kind::sample) return carrier::Sample{f->text, f->body, f->words[0]};
            if (f->kind == Kind::lost) lost_ += f->words[0];
        }
    }
    // What came may have been overtaken since: the hub keeps only one under way.
    Result<carrier::Sample> newest(carrier::Sample s) {
        const auto keep = [&] {
            topic_ = s.topic;
            bytes_.assign(s.bytes.begin(), s.bytes.end());
            s.topic = topic_, s.bytes = bytes_;
        };
        keep();
        const Deadline d = newest_patience;
        if (link_->send({.kind = Kind::ask}, d)) {
            for (;;) {
                auto f = link_->next(d);
                if (!f || f->kind == Kind::nothing) break;
                if (f->kind == Kind::lost) lost_ += f->words[0];
                if (f->kind != Kind::sample) continue;
                ++lost_;
                s = {f->text, f->body, f->words[0]};
                keep();
                break;
            }
            if (link_->up()) (void)link_->send({.kind = Kind::ready}, d);
        }
        return s;
    }

    std::unique_ptr<Link> link_;
    bool newest_only_;
    std::uint64_t lost_ = 0;
    std::string topic_;
    std::vector<std::byte> bytes_;
};

}  // namespace

Result<std::unique_ptr<carrier::Publisher>> publisher(const Uri& uri, const PublishOptions& how, Deadline d) {
    WYE_CHECK(check_durability(uri, how.durability));
    WYE_TRY(const bool listens, uri.flag("listen"));
    if (listens) {
        const auto depth = or_usual(how.depth, usual_depth);
        WYE_TRY(auto hub, TopicHub::open(uri, how.create, how.permissions, depth,
                                         or_usual(how.max_message, std::min(usual_message, depth / 2))));
        return std::make_unique<HubPublisher>(std::move(hub), how.subscribers);
    }
    WYE_TRY(auto link, Link::open(uri, {.role = Role::publisher, .history = how.subscribers}, d));
    return std::make_unique<LinkPublisher>(std::move(link));
}

Result<std::unique_ptr<carrier::Subscriber>> subscriber(const Uri& uri, const SubscribeOptions& how, Deadline d) {
    if (!how.name.empty())
        return uri.refuse("a durable subscription is kept by nats: only; leave out SubscribeOptions::name");
    WYE_TRY(const bool listens, uri.flag("listen"));
    if (listens) {
        WYE_TRY(auto hub, TopicHub::open(uri, how.create, 0600, usual_depth, or_usual(how.max_message, usual_message)));
        return std::make_unique<HubSubscriber>(std::move(hub), how);
    }
    WYE_TRY(auto link, Link::open(uri,
                                  {.role = Role::subscriber,
                                   .filter = how.filter,
                                   .slow = how.slow,
                                   .patience = how.patience,
                                   .history = how.history},
                                  d));
    return std::make_unique<LinkSubscriber>(std::move(link));
}

Result<> check_durability(const Uri& uri, Durability wanted) {
    if (wanted == Durability::none) return {};
    return refuse(Errc::unsupported, std::string(uri.text()) +
                                         ": what the listening process has ends with it: Durability::none is all "
                                         "that it can give; what survives is nats:// with JetStream");
}

}  // namespace wye::hub
