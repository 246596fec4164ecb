#include "conformance/rig.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "support/support.hpp"

namespace wye::test {
namespace {

constexpr const char* small_max = "max=256K";  // so that "the largest message" stays quick

std::vector<Channel> one(Channel c) {
    std::vector<Channel> v;
    v.push_back(std::move(c));
    return v;
}

// ---- what has no name: made before the fork, parted by it
class PairRig : public Rig {
public:
    explicit PairRig(std::string uri) : uri_(std::move(uri)) {}
    Result<> prepare() override {
        WYE_TRY(auto pair, open_pair(uri_));
        pair_ = std::make_unique<ChannelPair>(std::move(pair));
        return {};
    }
    Result<std::vector<Channel>> readers(unsigned) override {
        pair_->second.close();
        return one(std::move(pair_->first));
    }
    Result<Channel> writer() override {
        pair_->first.close();
        return std::move(pair_->second);
    }

private:
    std::string uri_;
    std::unique_ptr<ChannelPair> pair_;
};

Subject pair_subject(const Mechanism& m, Framing f) {
    const auto scheme = std::string(m.traits.scheme);
    return {.name = scheme + "_" + std::string(name(f)), .traits = m.traits, .framing = f, .make = [=] {
                return std::make_unique<PairRig>(scheme + ":?framing=" + std::string(name(f)) + "&" + small_max);
            }};
}

}  // namespace

std::vector<Subject> subjects() {
    std::vector<Subject> all;
    constexpr Framing framings[] = {Framing::frame, Framing::lines, Framing::nul, Framing::raw};
    for (const auto f : framings) all.push_back(pair_subject(*find_mechanism("pipe"), f));
    return all;
}

}  // namespace wye::test
