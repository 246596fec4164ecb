#include <wye/wye.hpp>

#include <cstdio>

int main(int argc, char** argv) {
    return wye::run_main([&]() -> wye::Result<> {
        const auto* uri = argc > 1 ? argv[1] : "unix:@hello?listen";
        WYE_TRY(auto channel, wye::open(uri));
        if (argc > 2) return channel.send(wye::bytes_of(std::string_view(argv[2])));
        std::byte room[4096];
        WYE_TRY(const auto message, channel.recv(room, std::chrono::seconds(60)));
        std::printf("%.*s\n", static_cast<int>(message.size()), wye::text_of(message).data());
        return {};
    });
}
