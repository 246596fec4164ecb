// Boost.Interprocess' message_queue: a lock, two condition variables.
#include "links.hpp"

#include <boost/interprocess/ipc/message_queue.hpp>

using namespace wye::bench;
namespace ipc = boost::interprocess;

namespace {

struct Boost {
    std::string name = "wye-bench-" + std::to_string(getpid()) + "-";
    std::size_t size;
    bool polls;

    struct Link {
        ipc::message_queue in, out;
        bool polls;
        void send(std::span<const std::byte> b) {
            if (!polls) return out.send(b.data(), b.size(), 0);
            while (!out.try_send(b.data(), b.size(), 0)) relax();
        }
        void recv(std::span<std::byte> b) {
            ipc::message_queue::size_type got = 0;
            unsigned priority = 0;
            if (!polls) return in.receive(b.data(), b.size(), got, priority);
            while (!in.try_receive(b.data(), b.size(), got, priority)) relax();
        }
    };

    explicit Boost(const Args& a) : size(a.number("bytes", 8)), polls(a.polls()) {
        for (const char* which : {"a", "b"})
            ipc::message_queue(ipc::create_only, (name + which).c_str(), size <= 64 ? 1024 : 16, size);
    }
    ~Boost() {
        for (const char* which : {"a", "b"}) ipc::message_queue::remove((name + which).c_str());
    }
    Link open(Side s) const {
        const bool parent = s == Side::parent;
        return {ipc::message_queue(ipc::open_only, (name + (parent ? "b" : "a")).c_str()),
                ipc::message_queue(ipc::open_only, (name + (parent ? "a" : "b")).c_str()), polls};
    }
};

}  // namespace

int main(int argc, char** argv) { return main_of<Boost>(argc, argv); }
