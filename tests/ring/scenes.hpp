// What is done to a ring, an instruction at a time.
#pragma once
#include "ring/stage.hpp"

#include <functional>
#include <memory>

namespace wye::test {

struct Scene {
    std::string name;  // stream_send_inline
    ring::Shape shape;
    bool strict = false;
    std::function<void(Stage&)> set;     // the others
    std::function<void(Stage&)> before;  // the victim, unharmed
    std::function<void(Stage&)> body;    // the victim, until it happens

    std::unique_ptr<Stage> stage() const {
        auto s = std::make_unique<Stage>(shape, strict);
        set(*s);
        return s;
    }
};

std::vector<Scene> scenes();
void PrintTo(const Scene&, std::ostream*);

}  // namespace wye::test
