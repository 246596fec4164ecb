// Boost.Interprocess' message_queue: a lock and two condition variables in shared memory.
#include "peer.hpp"

#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/version.hpp>

#include <optional>

using namespace wye::peers;
namespace ipc = boost::interprocess;

namespace {

using Queue = std::shared_ptr<ipc::message_queue>;

class QueueEnd : public End {
public:
    QueueEnd(Queue out, Queue in) : out_(std::move(out)), in_(std::move(in)) {}
    void send(wye::Bytes b) override { out_->send(b.data(), b.size(), 0); }
    std::size_t recv(wye::MutBytes b, bool poll) override {
        ipc::message_queue::size_type got = 0;
        unsigned priority = 0;
        if (!poll)
            in_->receive(b.data(), b.size(), got, priority);
        else
            while (!in_->try_receive(b.data(), b.size(), got, priority)) relax();
        return got;
    }

private:
    Queue out_, in_;
};

class Boost : public Means {
public:
    Boost() {
        name = "boost", group = "peer", shapes = duel | queue, largest = 16u << 20;
        version = std::to_string(BOOST_VERSION / 100000) + "." + std::to_string(BOOST_VERSION / 100 % 1000) + "." +
                  std::to_string(BOOST_VERSION % 100);
        summary =
            "Boost.Interprocess message_queue in shared memory: 1024 places of a message's size up to 64 bytes, "
            "16 of longer ones; poll is try_receive()";
    }
    void prepare(Shape, unsigned) override {
        name_ = fresh_name();
        janitor_.emplace([name = name_] {
            for (const char* which : {"a", "b"}) ipc::message_queue::remove((name + which).c_str());
        });
        for (const char* which : {"a", "b"})
            ipc::message_queue(ipc::create_only, (name_ + which).c_str(), size <= 64 ? 1024 : 16, size);
    }
    std::unique_ptr<End> open(Role r, unsigned) override {
        const auto there = opened("a");
        if (r != Role::first && r != Role::second) return std::make_unique<QueueEnd>(there, there);
        const auto back = opened("b");
        return r == Role::first ? std::make_unique<QueueEnd>(there, back) : std::make_unique<QueueEnd>(back, there);
    }
    void clean() noexcept override { janitor_.reset(); }

private:
    Queue opened(const char* which) const {
        return std::make_shared<ipc::message_queue>(ipc::open_only, (name_ + which).c_str());
    }
    std::string name_;
    std::optional<Janitor> janitor_;
};

}  // namespace

int main(int argc, char** argv) { return peer_main(argc, argv, all_of<Boost>()); }
