// iceoryx2: loans in shared memory, and no daemon. What is called of it is lib.rs.
#include "peer.hpp"

#include <sys/mman.h>

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
void iox2_close(Iox2End*);
}

namespace {

std::string trouble;
void failed(const char* why) { trouble = why; }
void good(bool r) {
    if (!r) throw std::runtime_error(trouble);
}

// Who sleeps over a topic, so that nobody is woken who looks by himself.
using Sleepers = std::atomic<bool>;

class Talk : public End {
public:
    Talk(Iox2End* end, Sleepers& there, Sleepers& here) : end_(end), there_(there), here_(here) { good(end_); }
    ~Talk() override { iox2_close(end_); }
    Iox2End* get() { return end_; }
    // The fences: either the sleeper is seen here, or the message there.
    void send(wye::Bytes b) override {
        good(iox2_send(end_, b.data(), b.size(), failed) == 0);
        std::atomic_thread_fence(std::memory_order_seq_cst);
        if (there_.load()) good(iox2_wake(end_, failed) == 0);
    }
    std::size_t recv(wye::MutBytes into, bool poll) override {
        if (!poll && !here_.load()) {
            here_ = true;
            std::atomic_thread_fence(std::memory_order_seq_cst);
        }
        for (;;) {
            const auto n = iox2_receive(end_, into.data(), into.size(), failed);
            good(n != -1);
            if (n >= 0) return static_cast<std::size_t>(n);
            if (poll)
                relax();
            else
                good(iox2_wait(end_, failed) == 0);
        }
    }

private:
    Iox2End* end_;
    Sleepers &there_, &here_;
};

class Iceoryx2 : public Means {
public:
    Iceoryx2() {
        name = "iceoryx2", group = "peer", version = ICEORYX2_VERSION, shapes = duel | fan;
        summary =
            "loans in shared memory, without a daemon; 256 messages wait, who sends tries again; block is an event "
            "beside each message (Notifier, Listener), poll is receive()";
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
        void* p = mmap(nullptr, 2 * sizeof(Sleepers), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) fail("mmap");
        sleepers_ = new (p) Sleepers[2];
    }
    std::unique_ptr<End> open(Role r, unsigned) override {
        const bool fans = r == Role::publisher || r == Role::subscriber;
        const auto* out = r == Role::subscriber ? "" : r == Role::second ? "back" : "there";
        const auto* in = r == Role::publisher ? "" : r == Role::first ? "back" : "there";
        auto talk = std::make_unique<Talk>(iox2_open(root_.c_str(), prefix_.c_str(), out, in, size, failed),
                                           sleepers_[r == Role::second], sleepers_[r == Role::first]);
        const auto n = fans ? others_ : 1;
        if (r != Role::subscriber) await("iceoryx2: no subscriber", [&] { return iox2_subscribers(talk->get()) >= n; });
        return talk;
    }
    void clean() noexcept override {
        munmap(sleepers_, 2 * sizeof(Sleepers));
        janitor_.reset();
    }

private:
    std::string prefix_, root_;
    unsigned others_ = 1;
    Sleepers* sleepers_ = nullptr;
    std::optional<Janitor> janitor_;
};

}  // namespace

int main(int argc, char** argv) { return peer_main(argc, argv, all_of<Iceoryx2>()); }
