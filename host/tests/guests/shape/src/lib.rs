//! Claims this contract's version, and has functions of other types.

wit_bindgen::generate!({
    inline: "
        package byway:transport@0.1.0;
        interface adapter {
            describe: func() -> string;
            check: func(config: string) -> string;
            probe: func() -> string;
            send: func(text: string) -> string;
        }
        world shape {
            export adapter;
        }
    ",
    world: "shape",
});

struct Shape;

impl exports::byway::transport::adapter::Guest for Shape {
    fn describe() -> String {
        String::new()
    }

    fn check(config: String) -> String {
        config
    }

    fn probe() -> String {
        String::new()
    }

    fn send(text: String) -> String {
        text
    }
}

export!(Shape);
