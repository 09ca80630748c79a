//! A well-formed component of some other world.

wit_bindgen::generate!({
    inline: "
        package other:plugin@1.2.0;
        interface greeter { greet: func() -> string; }
        interface weather { now: func() -> string; }
        world plugin {
            import weather;
            export greeter;
        }
    ",
    world: "plugin",
});

struct Stranger;

impl exports::other::plugin::greeter::Guest for Stranger {
    fn greet() -> String {
        other::plugin::weather::now()
    }
}

export!(Stranger);
