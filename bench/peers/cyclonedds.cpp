// Eclipse Cyclone DDS over loopback: reliable, all is kept until it is read.
#include "peer.hpp"

#include <dds/dds.h>
#include <dds/version.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

using namespace wye::peers;

namespace {

// module wye { @final struct Message { sequence<octet> data; }; };  as idlc lays it out and describes it
struct Octets {
    std::uint32_t maximum, length;
    std::uint8_t* buffer;
    bool release;
};
struct Message {
    Octets data;
};
constexpr std::uint32_t a_sequence_of_bytes =
    std::uint32_t{DDS_OP_ADR} | std::uint32_t{DDS_OP_TYPE_SEQ} | std::uint32_t{DDS_OP_SUBTYPE_1BY};
constexpr std::uint32_t operations[] = {a_sequence_of_bytes, offsetof(Message, data), DDS_OP_RTS};
constexpr dds_topic_descriptor_t described{.m_size = sizeof(Message),
                                           .m_align = alignof(Message),
                                           .m_flagset = 0,
                                           .m_nkeys = 0,
                                           .m_typename = "wye::Message",
                                           .m_keys = nullptr,
                                           .m_nops = 2,
                                           .m_ops = operations,
                                           .m_meta = "",
                                           .type_information = {},
                                           .type_mapping = {},
                                           .restrict_data_representation = 0};

dds_entity_t good(const char* call, dds_return_t r) {
    if (r < 0) fail(call, dds_strretcode(r));
    return r;
}

class Participant {
public:
    explicit Participant(dds_domainid_t domain)
        : me_(good("dds_create_participant", dds_create_participant(domain, nullptr, nullptr))),
          qos_(dds_create_qos()) {
        dds_qset_reliability(qos_, DDS_RELIABILITY_RELIABLE, DDS_SECS(20));
        dds_qset_history(qos_, DDS_HISTORY_KEEP_ALL, 0);
    }
    ~Participant() {
        dds_delete_qos(qos_);
        dds_delete(me_);
    }
    Participant(const Participant&) = delete;
    Participant& operator=(const Participant&) = delete;

    dds_entity_t get() const { return me_; }
    dds_entity_t writer(const std::string& topic) const {
        return good("dds_create_writer", dds_create_writer(me_, this->topic(topic), qos_, nullptr));
    }
    dds_entity_t reader(const std::string& topic) const {
        return good("dds_create_reader", dds_create_reader(me_, this->topic(topic), qos_, nullptr));
    }

private:
    dds_entity_t topic(const std::string& called) const {
        return good("dds_create_topic", dds_create_topic(me_, &described, called.c_str(), qos_, nullptr));
    }
    dds_entity_t me_;
    dds_qos_t* qos_;
};

struct Writer {
    dds_entity_t writer = 0;
    void await_readers(unsigned n) const {
        await("Cyclone DDS: no reader", [&] {
            dds_publication_matched_status_t s{};
            good("dds_get_publication_matched_status", dds_get_publication_matched_status(writer, &s));
            return s.current_count >= n;
        });
        // Until a reader has acknowledged something, the first messages can wait 100 ms for it. This one has no data.
        const Message none{};
        good("dds_dispose", dds_dispose(writer, &none));
        good("dds_wait_for_acks", dds_wait_for_acks(writer, DDS_SECS(5)));
    }
    void write(wye::Bytes b) const {
        const auto n = static_cast<std::uint32_t>(b.size());
        auto* data = const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(b.data()));
        const Message m{.data = {.maximum = n, .length = n, .buffer = data, .release = false}};
        good("dds_write", dds_write(writer, &m));
    }
};

class Reader {
public:
    Reader(const Participant& p, const std::string& topic) : reader_(p.reader(topic)) {
        waits_ = good("dds_create_waitset", dds_create_waitset(p.get()));
        const auto unread = good("dds_create_readcondition", dds_create_readcondition(reader_, DDS_ANY_STATE));
        good("dds_waitset_attach", dds_waitset_attach(waits_, unread, 0));
    }
    void await_writer() const {
        await("Cyclone DDS: no writer", [&] {
            dds_subscription_matched_status_t s{};
            good("dds_get_subscription_matched_status", dds_get_subscription_matched_status(reader_, &s));
            return s.current_count > 0;
        });
    }
    std::size_t take(wye::MutBytes into, bool poll) const {
        for (;;) {
            void* sample = nullptr;
            dds_sample_info_t info;
            const int n = good("dds_take", dds_take(reader_, &sample, &info, 1, 1));
            if (n == 0 && poll) let_others();
            if (n == 0 && !poll) good("dds_waitset_wait", dds_waitset_wait(waits_, nullptr, 0, DDS_INFINITY));
            if (n == 0) continue;
            const auto& data = static_cast<const Message*>(sample)->data;
            const auto length = std::min<std::size_t>(data.length, into.size());
            if (info.valid_data) std::memcpy(into.data(), data.buffer, length);
            good("dds_return_loan", dds_return_loan(reader_, &sample, n));
            if (info.valid_data) return length;
        }
    }

private:
    dds_entity_t reader_, waits_;
};

class TwoWays : public End {
public:
    TwoWays(dds_domainid_t domain, const std::string& out, const std::string& in)
        : me_(domain), out_{me_.writer(out)}, in_(me_, in) {
        out_.await_readers(1);
        in_.await_writer();
    }
    void send(wye::Bytes b) override { out_.write(b); }
    std::size_t recv(wye::MutBytes into, bool poll) override { return in_.take(into, poll); }

private:
    Participant me_;
    Writer out_;
    Reader in_;
};

class Publishing : public OneWay {
public:
    Publishing(dds_domainid_t domain, unsigned subscribers) : me_(domain), out_{me_.writer("news")} {
        out_.await_readers(subscribers);
    }
    void send(wye::Bytes b) override { out_.write(b); }

private:
    Participant me_;
    Writer out_;
};

class Subscribed : public OneWay {
public:
    explicit Subscribed(dds_domainid_t domain) : me_(domain), in_(me_, "news") { in_.await_writer(); }
    std::size_t recv(wye::MutBytes into, bool poll) override { return in_.take(into, poll); }

private:
    Participant me_;
    Reader in_;
};

std::string answers_of(std::uint32_t client) { return "answers" + std::to_string(client); }

class Asking : public End {
public:
    Asking(dds_domainid_t domain, std::uint32_t me)
        : me_(domain), out_{me_.writer("asked")}, in_(me_, answers_of(me)), number_(me) {
        out_.await_readers(1);
        in_.await_writer();
    }
    void send(wye::Bytes b) override { out_.write(question_.of(number_, b)); }
    std::size_t recv(wye::MutBytes into, bool poll) override { return in_.take(into, poll); }

private:
    Participant me_;
    Writer out_;
    Reader in_;
    std::uint32_t number_;
    Numbered question_{};
};

class Answering : public End {
public:
    Answering(dds_domainid_t domain, unsigned clients) : me_(domain), in_(me_, "asked"), known_(clients) {
        for (unsigned i = 0; i < clients; ++i) out_.push_back({me_.writer(answers_of(i))});
    }
    std::size_t recv(wye::MutBytes into, bool poll) override {
        const auto [who, n] = question_.taken(in_.take(question_.room_for(into.size()), poll), into);
        if (who >= out_.size()) fail("a question", "of nobody");
        // It was here before its clients: to whom is not known yet, nothing is sent.
        if (!known_[who]) out_[who].await_readers(1);
        known_[who] = true, who_ = who;
        return n;
    }
    void send(wye::Bytes b) override { out_[who_].write(b); }

private:
    Participant me_;
    Reader in_;
    std::vector<Writer> out_{};
    std::vector<bool> known_;
    Numbered question_{};
    std::uint32_t who_ = 0;
};

class CycloneDds : public Means {
public:
    CycloneDds() {
        name = "cyclonedds", group = "peer", version = DDS_VERSION, shapes = duel | fan | request,
        can = flights | answers | looks, own_threads = true;
        summary =
            "RTPS over UDP on loopback alone (multicast to many), datagrams of up to 65500 bytes; RELIABLE, "
            "KEEP_ALL, NackDelay of 1 ms, receive buffers of 16 MB where the kernel gives them, who writes waits for "
            "who reads; requests by two topics; block is a wait set, poll is dds_take() and sched_yield(2)";
    }
    void prepare(Shape, unsigned parties) override {
        // A domain is a range of ports: another run's is not ours.
        domain_ = static_cast<dds_domainid_t>(1 + getpid() % 200), others_ = parties - 1;
        setenv(
            "CYCLONEDDS_URI",
            "<Domain><General><Interfaces><NetworkInterface name=\"lo\" multicast=\"true\"/></Interfaces>"
            "<AllowMulticast>asm</AllowMulticast><MaxMessageSize>65500B</MaxMessageSize></General>"
            "<Discovery><ParticipantIndex>auto</ParticipantIndex><MaxAutoParticipantIndex>99</MaxAutoParticipantIndex>"
            "<Peers><Peer address=\"127.0.0.1\"/></Peers></Discovery>"
            "<Internal><SocketReceiveBufferSize max=\"16MB\"/><NackDelay>1ms</NackDelay></Internal></Domain>",
            1);
    }
    std::unique_ptr<End> open(Role r, unsigned which) override {
        switch (r) {
            case Role::client:
                return std::make_unique<Asking>(domain_, which);
            case Role::server:
                return std::make_unique<Answering>(domain_, others_);
            case Role::publisher:
                return std::make_unique<Publishing>(domain_, others_);
            case Role::subscriber:
                return std::make_unique<Subscribed>(domain_);
            case Role::first:
                return std::make_unique<TwoWays>(domain_, "there", "back");
            default:
                return std::make_unique<TwoWays>(domain_, "back", "there");
        }
    }

private:
    dds_domainid_t domain_ = 0;
    unsigned others_ = 1;
};

}  // namespace

int main(int argc, char** argv) { return peer_main(argc, argv, all_of<CycloneDds>()); }
