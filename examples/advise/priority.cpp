// Messages that wait in the kernel, the urgent first, for whoever comes.
#include <wye/wye.hpp>

wye::Result<> put(std::string_view uri, std::string_view text, unsigned priority) {
    WYE_TRY(auto queue, wye::open(uri, {.mode = wye::Mode::write, .create = wye::Create::if_missing}));
    return queue.send(wye::bytes_of(text), {.priority = priority}, std::chrono::seconds(10));
}

wye::Result<std::string> most_urgent(std::string_view uri) {
    WYE_TRY(auto queue, wye::open(uri, {.mode = wye::Mode::read}));
    WYE_TRY(const auto message, queue.recv_view(std::chrono::seconds(10)));
    return std::string(wye::text_of(message));
}
// ---- that it does so
#include "../demo.hpp"

int main() {
    const auto uri = "posix-mq:/wye-example-" + std::to_string(getpid());
    claim(put(uri, "later", 1) && put(uri, "now", 9), "put");
    const auto first = most_urgent(uri), second = most_urgent(uri);
    claim(wye::remove(uri) && first && second && *first == "now" && *second == "later", "the urgent first");
}
