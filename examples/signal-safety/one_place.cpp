// gmtime() answers in one place for the whole program; gmtime_r() in a place of the caller's.
#include "../demo.hpp"

#include <ctime>

int main() {
    const time_t first = 0, later = 400L * 24 * 3600;
    const tm* a = std::gmtime(&first);
    claim(a->tm_year == 70, "1970");
    const tm* b = std::gmtime(&later);
    claim(a == b && a->tm_year == 71, "a second call, in any thread, has changed the first answer");

    tm own, other;
    gmtime_r(&first, &own);
    gmtime_r(&later, &other);
    claim(own.tm_year == 70 && other.tm_year == 71, "two places, two answers");
}
