// LCM over UDP multicast that leaves no machine.
#include "peer.hpp"

#include <lcm/lcm.h>
#include <unistd.h>

#include <cstring>

using namespace wye::peers;

namespace {

class Talk : public End {
public:
    Talk(const std::string& provider, std::string out, const char* in)
        : lcm_(lcm_create(provider.c_str())), out_(std::move(out)) {
        if (!lcm_) fail("lcm_create", "no " + provider);
        if (!in) return;
        const auto heard = [](const lcm_recv_buf_t* m, const char*, void* me) { static_cast<Talk*>(me)->heard(*m); };
        auto* s = lcm_subscribe(lcm_, in, heard, this);
        if (!s) fail("lcm_subscribe", in);
        lcm_subscription_set_queue_capacity(s, 4096);
    }
    ~Talk() override { lcm_destroy(lcm_); }
    void send(wye::Bytes b) override { send(out_, b); }
    void send(const std::string& channel, wye::Bytes b) {
        if (lcm_publish(lcm_, channel.c_str(), b.data(), static_cast<unsigned>(b.size())) != 0) fail("lcm_publish");
    }
    // Lost, a message never comes: after five seconds of nothing that is said.
    std::size_t recv(wye::MutBytes into, bool poll) override {
        const auto until = ticks() + ticks_of(std::chrono::seconds(5));
        for (into_ = into, got_ = false; !got_;) {
            const int n = lcm_handle_timeout(lcm_, poll ? 0 : 5000);
            if (n < 0) fail("lcm_handle_timeout");
            if (n == 0 && (!poll || ticks() > until)) fail("lcm_handle_timeout", "no message in 5 s: it was dropped");
            if (n == 0) let_others();
        }
        return length_;
    }

private:
    void heard(const lcm_recv_buf_t& m) {
        length_ = std::min<std::size_t>(m.data_size, into_.size()), got_ = true;
        std::memcpy(into_.data(), m.data, length_);
    }
    lcm_t* lcm_;
    std::string out_;
    wye::MutBytes into_{};
    std::size_t length_ = 0;
    bool got_ = false;
};

std::string answers_of(std::uint32_t client) { return "answers-" + std::to_string(client); }

class Asking : public End {
public:
    Asking(const std::string& provider, std::uint32_t me) : talk_(provider, "asked", answers_of(me).c_str()), me_(me) {}
    void send(wye::Bytes b) override { talk_.send(question_.of(me_, b)); }
    std::size_t recv(wye::MutBytes into, bool poll) override { return talk_.recv(into, poll); }

private:
    Talk talk_;
    std::uint32_t me_;
    Numbered question_{};
};

class Answering : public End {
public:
    explicit Answering(const std::string& provider) : talk_(provider, "", "asked") {}
    std::size_t recv(wye::MutBytes into, bool poll) override {
        const auto [who, n] = question_.taken(talk_.recv(question_.room_for(into.size()), poll), into);
        who_ = who;
        return n;
    }
    void send(wye::Bytes b) override { talk_.send(answers_of(who_), b); }

private:
    Talk talk_;
    Numbered question_{};
    std::uint32_t who_ = 0;
};

class Lcm : public Means {
public:
    Lcm() {
        name = "lcm", group = "peer", shapes = duel | fan | request, can = flights | answers | looks, lossless = false,
        own_threads = true;
        version = std::to_string(LCM_MAJOR_VERSION) + "." + std::to_string(LCM_MINOR_VERSION) + "." +
                  std::to_string(LCM_MICRO_VERSION);
        largest = 8u << 20;
        summary =
            "udpm:// (UDP multicast) with ttl=0 and recv_buf_size=8388608, a reading thread a process, 4096 messages "
            "wait; drops what finds no room; requests by two channels; block is lcm_handle_timeout(), poll is that "
            "with 0 and sched_yield(2)";
    }
    void prepare(Shape, unsigned) override {
        // A group and port of this run's own.
        const auto pid = static_cast<unsigned>(getpid());
        provider_ = "udpm://239.255." + std::to_string(pid / 250 % 250) + "." + std::to_string(1 + pid % 250) + ":" +
                    std::to_string(20'000 + pid % 10'000) + "?ttl=0&recv_buf_size=8388608";
    }
    std::unique_ptr<End> open(Role r, unsigned which) override {
        switch (r) {
            case Role::client:
                return std::make_unique<Asking>(provider_, which);
            case Role::server:
                return std::make_unique<Answering>(provider_);
            case Role::first:
                return std::make_unique<Talk>(provider_, "there", "back");
            case Role::second:
                return std::make_unique<Talk>(provider_, "back", "there");
            case Role::publisher:
                return std::make_unique<Talk>(provider_, "news", nullptr);
            default:
                return std::make_unique<Talk>(provider_, "", "news");
        }
    }

private:
    std::string provider_;
};

}  // namespace

int main(int argc, char** argv) { return peer_main(argc, argv, all_of<Lcm>()); }
