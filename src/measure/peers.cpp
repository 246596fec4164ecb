#include "measure/peers.hpp"

#include <nlohmann/json.hpp>

#include <string_view>

namespace wye::measure {

std::string_view peers_text() noexcept;  // written by CMake

std::string Peer::why_missing() const {
    if (!needs.empty()) return "not built: ./dev setup --peers (with " + needs + "), then ./dev build";
    if (packages.empty()) return "not built: ./dev build";
    std::string names;
    for (const auto& p : packages) names += (names.empty() ? "" : " ") + p;
    return "not built: ./dev setup --peers (" + names + "), then ./dev build";
}

const std::vector<Peer>& known_peers() {
    static const auto all = [] {
        std::vector<Peer> found;
        for (const auto& row : nlohmann::json::parse(peers_text()))
            found.push_back(
                {row.at("program"), row.at("group"), row.at("means"), row.at("packages"), row.value("needs", "")});
        return found;
    }();
    return all;
}

}  // namespace wye::measure
