// One writer, one reader.
#include "wye/core/channel.hpp"
#include "wye/registry/open.hpp"
#include "wye/transport/shm_ring.hpp"

#include "cases.hpp"

namespace wye::bench {
namespace {

/// A ring each way; removed when the bench ends.
struct Ring {
    std::string there = own_name("there"), back = own_name("back");
    pid_t maker = getpid();
    ShmOptions options;

    struct Link {
        ShmWriter out;
        ShmReader in;
        [[gnu::always_inline]] void send(Bytes b) { must(out.send(b)); }
        [[gnu::always_inline]] void recv(MutBytes b) { must(in.recv(b)); }
    };

    explicit Ring(const Args& a) {
        options.made.bytes = a.number("ring", options.made.bytes);
        options.spin = a.polls();
    }
    ~Ring() {
        if (getpid() == maker)
            for (const auto& name : {there, back}) (void)wye::remove("shm:" + name);
    }
    Link open(Side s) const {
        const bool parent = s == Side::parent;
        return {must(ShmWriter::open(parent ? there : back, options)),
                must(ShmReader::open(parent ? back : there, options))};
    }
};

/// A loan goes to and fro, and nobody looks at its bytes.
struct Loans : Ring {
    std::size_t size;
    struct Link {
        Ring::Link link;
        std::size_t size;
        void send(Bytes) {
            auto loan = must(link.out.loan(size));
            touched(loan.bytes().data());
            must(std::move(loan).commit());
        }
        void recv(MutBytes) {
            const auto lease = must(link.in.take());
            touched(lease.bytes().data());
        }
    };
    explicit Loans(const Args& a) : Ring(a), size(a.number("loan", std::size_t{4} << 20)) {}
    Link open(Side s) const { return {Ring::open(s), size}; }
};

void batches(const Args& a) {
    const auto size = a.number("bytes", 8), batch = a.number("batch", 64), part = a.number("part", 8192);
    Ring ring(a);
    Child child(a, [&] {
        auto link = ring.open(Side::child);
        const std::vector<std::byte> one(size, std::byte{1});
        const std::vector<Bytes> all(batch, one);
        for (;;)
            for (std::size_t n = 0; n < batch;) n += must(link.out.send_many(std::span(all).subspan(n)));
    });
    pin(a, Side::parent);
    auto link = ring.open(Side::parent);
    std::vector<std::byte> in(size);
    const auto some = [&](std::size_t wanted) {
        for (std::size_t n = 0; n < wanted;)
            n += must(link.in.drain(std::min(batch, wanted - n), [&](Bytes b) {
                ring::copy_shared(in.data(), b.data(), std::min(in.size(), b.size()));
                touched(in.data());
            }));
    };
    some(part);
    print_rate(ns_each(1, a.number("parts", 60), [&] { some(part); }) / static_cast<double>(part));
}

/// What the virtual call of a Channel adds to a send and a recv.
template <class Writer, class Reader>
double here_and_back(const ShmOptions& o, const std::string& name) {
    Writer out{must(ShmWriter::open(name, o))};
    Reader in{must(ShmReader::open(name, o))};
    std::vector<std::byte> message(48), room(48);
    return ns_each(2048, 60, [&] {
        must(out.send(message));
        must(in.recv(room));
        touched(room.data());
    });
}
void concrete(const Args& a) {
    pin(a, Side::parent);
    const Ring ring(a);
    print_ns(here_and_back<ShmWriter, ShmReader>(ring.options, ring.there));
}
void erased(const Args& a) {
    pin(a, Side::parent);
    const Ring ring(a);
    print_ns(here_and_back<Channel, Channel>(ring.options, ring.there));
}

const Cases cases{
    {"pingpong", ping_pong<Ring>}, {"flow", flow<Ring>},   {"loan", ping_pong<Loans>}, {"wake", wake<Ring>},
    {"batches", batches},          {"concrete", concrete}, {"erased", erased}};

}  // namespace
}  // namespace wye::bench
