// iceoryx2: loans in shared memory, and no daemon. What is called of it is lib.rs and requests.rs.
#include "measure/others.hpp"
#include "peer.hpp"

#include <array>
#include <atomic>
#include <filesystem>
#include <optional>

using namespace wye::peers;

extern "C" {
struct Iox2End;
using Failed = void (*)(const char*);
Iox2End* iox2_open(const char* root, const char* prefix, const char* out, const char* in, std::size_t size, Failed);
int iox2_send(const Iox2End*, const void*, std::size_t, Failed);
int iox2_wake(const Iox2End*, Failed);
std::int64_t iox2_receive(const Iox2End*, void*, std::size_t, Failed);
int iox2_wait(const Iox2End*, Failed);
std::size_t iox2_subscribers(const Iox2End*);
int iox2_subscribed(const Iox2End*, Failed);
void iox2_close(Iox2End*);

struct Iox2Asking;
struct Iox2Answering;
struct Iox2Terms {
    std::size_t size, clients, flight;
};
Iox2Asking* iox2_asking(const char* root, const char* prefix, std::uint32_t me, const Iox2Terms*, Failed);
Iox2Answering* iox2_answering(const char* root, const char* prefix, const Iox2Terms*, Failed);
int iox2_ask(Iox2Asking*, const void*, std::size_t, Failed);
std::int64_t iox2_answer(Iox2Asking*, void*, std::size_t, Failed);
std::int64_t iox2_question(Iox2Answering*, void*, std::size_t, Failed);
std::int64_t iox2_reply(Iox2Answering*, const void*, std::size_t, Failed);
int iox2_wake_server(const Iox2Asking*, Failed);
int iox2_wake_client(const Iox2Answering*, std::size_t which, Failed);
int iox2_await_answer(const Iox2Asking*, Failed);
int iox2_await_question(const Iox2Answering*, Failed);
std::size_t iox2_servers(const Iox2Asking*);
void iox2_close_asking(Iox2Asking*);
void iox2_close_answering(Iox2Answering*);
}

namespace {

std::string trouble;
void failed(const char* why) { trouble = why; }
void good(bool r) {
    if (!r) throw std::runtime_error(trouble);
}

// Who sleeps over a topic, so that nobody is woken who looks by himself. The fences: either the sleeper is seen by who
// sends, or the message by who is about to sleep.
using Sleepers = std::atomic<bool>;

// What all processes of a run have.
struct Here {
    std::array<Sleepers, 1 + Board::most> sleeps;
    std::array<std::atomic<unsigned>, 2> subscribed;  // to "there", to "back"
};

void wake(const Sleepers& there, auto&& notify) {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (there.load()) good(notify() == 0);
}

std::size_t got(Sleepers& here, bool poll, auto&& look, auto&& sleep) {
    if (!poll && !here.load()) {
        here = true;
        std::atomic_thread_fence(std::memory_order_seq_cst);
    }
    for (;;) {
        const std::int64_t n = look();
        good(n != -1);
        if (n >= 0) return static_cast<std::size_t>(n);
        if (poll)
            relax();
        else
            good(sleep() == 0);
    }
}

class Talk : public End {
public:
    Talk(Iox2End* end, Sleepers& there, Sleepers& here) : end_(end), there_(there), here_(here) { good(end_); }
    ~Talk() override { iox2_close(end_); }
    Iox2End* get() { return end_; }
    void send(wye::Bytes b) override {
        good(iox2_send(end_, b.data(), b.size(), failed) == 0);
        wake(there_, [&] { return iox2_wake(end_, failed); });
    }
    std::size_t recv(wye::MutBytes into, bool poll) override {
        return got(
            here_, poll, [&] { return iox2_receive(end_, into.data(), into.size(), failed); },
            [&] { return iox2_wait(end_, failed); });
    }

private:
    Iox2End* end_;
    Sleepers &there_, &here_;
};

class Asking : public End {
public:
    Asking(Iox2Asking* end, Sleepers& server, Sleepers& here) : end_(end), server_(server), here_(here) { good(end_); }
    ~Asking() override { iox2_close_asking(end_); }
    Iox2Asking* get() { return end_; }
    std::size_t recv(wye::MutBytes into, bool poll) override {
        return got(
            here_, poll, [&] { return iox2_answer(end_, into.data(), into.size(), failed); },
            [&] { return iox2_await_answer(end_, failed); });
    }
    void send(wye::Bytes b) override {
        good(iox2_ask(end_, b.data(), b.size(), failed) == 0);
        wake(server_, [&] { return iox2_wake_server(end_, failed); });
    }

private:
    Iox2Asking* end_;
    Sleepers &server_, &here_;
};

class Answering : public End {
public:
    Answering(Iox2Answering* end, Sleepers& here, Sleepers* clients) : end_(end), here_(here), clients_(clients) {
        good(end_);
    }
    ~Answering() override { iox2_close_answering(end_); }
    std::size_t recv(wye::MutBytes into, bool poll) override {
        return got(
            here_, poll, [&] { return iox2_question(end_, into.data(), into.size(), failed); },
            [&] { return iox2_await_question(end_, failed); });
    }
    void send(wye::Bytes b) override {
        const auto who = iox2_reply(end_, b.data(), b.size(), failed);
        good(who >= 0);
        wake(clients_[who], [&] { return iox2_wake_client(end_, static_cast<std::size_t>(who), failed); });
    }

private:
    Iox2Answering* end_;
    Sleepers &here_, *clients_;
};

class Iceoryx2 : public Means {
public:
    Iceoryx2() {
        name = "iceoryx2", group = "peer", version = ICEORYX2_VERSION, shapes = duel | fan | request;
        can = flights | answers | looks;
        summary =
            "loans in shared memory, without a daemon; 256 messages wait, who sends tries again; requests by "
            "request-response, 16 of a client on their way; block is an event beside each message (Notifier, "
            "Listener), poll is receive()";
    }
    void prepare(Shape, unsigned parties) override {
        prefix_ = fresh_name() + "_", others_ = parties - 1;
        root_ = "/tmp/" + prefix_;
        janitor_.emplace([prefix = prefix_, root = root_] {
            std::error_code e;
            std::filesystem::remove_all(root, e);
            for (const char* place : {"/dev/shm", "/tmp"})
                for (std::filesystem::directory_iterator it(place, e), end; !e && it != end; it.increment(e))
                    if (std::error_code none; it->path().filename().string().starts_with(prefix))
                        std::filesystem::remove_all(it->path(), none);
        });
        std::filesystem::create_directory(root_);
        here_.emplace();
    }
    std::unique_ptr<End> open(Role r, unsigned which) override {
        if (r == Role::server || r == Role::client) return requests(r, which);
        const bool fans = r == Role::publisher || r == Role::subscriber;
        const auto* out = r == Role::subscriber ? "" : r == Role::second ? "back" : "there";
        const auto* in = r == Role::publisher ? "" : r == Role::first ? "back" : "there";
        auto& here = **here_;
        const bool second = r == Role::second;
        auto talk = std::make_unique<Talk>(iox2_open(root_.c_str(), prefix_.c_str(), out, in, size, failed),
                                           here.sleeps[second], here.sleeps[r == Role::first]);
        if (r != Role::publisher) {
            await("iceoryx2: no publisher", [&] {
                const int there = iox2_subscribed(talk->get(), failed);
                good(there >= 0);
                return there > 0;
            });
            ++here.subscribed[r == Role::first];
        }
        const auto n = fans ? others_ : 1;
        if (r != Role::subscriber)
            await("iceoryx2: no subscriber",
                  [&] { return iox2_subscribers(talk->get()) >= n && here.subscribed[second] >= n; });
        return talk;
    }
    void clean() noexcept override {
        here_.reset();
        janitor_.reset();
    }

private:
    // A server sleeps over the first, its clients over those behind it.
    std::unique_ptr<End> requests(Role r, unsigned which) {
        const Iox2Terms terms{.size = std::max<std::size_t>(size, 64), .clients = others_, .flight = 16};
        auto& all = (*here_)->sleeps;
        if (r == Role::server)
            return std::make_unique<Answering>(iox2_answering(root_.c_str(), prefix_.c_str(), &terms, failed), all[0],
                                               &all[1]);
        auto asking = std::make_unique<Asking>(iox2_asking(root_.c_str(), prefix_.c_str(), which, &terms, failed),
                                               all[0], all[1 + which]);
        await("iceoryx2: no server", [&] { return iox2_servers(asking->get()) > 0; });
        return asking;
    }
    std::string prefix_, root_;
    unsigned others_ = 1;
    std::optional<Pages<Here>> here_;
    std::optional<Janitor> janitor_;
};

}  // namespace

int main(int argc, char** argv) { return peer_main(argc, argv, all_of<Iceoryx2>()); }
