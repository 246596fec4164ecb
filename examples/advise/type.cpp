// Messages that wait in the kernel, each with a type; a reader asks for one, and leaves the others there.
#include <wye/wye.hpp>

wye::Result<> put(std::string_view uri, std::string_view text, long type) {
    WYE_TRY(auto queue, wye::open(uri, {.mode = wye::Mode::write, .create = wye::Create::if_missing}));
    return queue.send(wye::bytes_of(text), {.type = type}, std::chrono::seconds(10));
}

wye::Result<std::string> next_of(std::string_view uri, long type) {
    WYE_TRY(auto queue, wye::open(uri, {.mode = wye::Mode::read}));
    std::byte room[8192];
    wye::Meta wanted{.type = type};
    WYE_TRY(const auto message, queue.recv(room, wanted, std::chrono::seconds(10)));
    return std::string(wye::text_of(message));
}
// ---- that it does so
#include "../demo.hpp"

#include <filesystem>

std::string here() { return std::filesystem::current_path(); }

int main() {
    own_directory();
    claim(close(creat("key", 0600)) == 0, "a file whose inode is the key");
    const auto uri = "sysv-mq:" + here() + "/key#7";
    claim(put(uri, "an order", 1) && put(uri, "a complaint", 2), "put");
    const auto complaint = next_of(uri, 2), order = next_of(uri, 1);
    claim(wye::remove(uri) && complaint && order && *complaint == "a complaint" && *order == "an order", "by type");
}
