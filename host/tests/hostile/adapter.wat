;; An honest adapter in WebAssembly text: the core module of a `transport-adapter` that describes itself, accepts every
;; configuration, is ready, and refuses each message with the code `told-to`. A case replaces the marked places
;; (`;;@name`) by a few hostile lines; `written.rs` makes a component of what comes out.
;;
;; Answers lie at fixed addresses, in the layout of the canonical ABI; what is not written is zero, which reads as
;; an empty text, an empty list, `none` or the first case.
(module
  (import "byway:transport/log@0.1.0" "write" (func $log (param i32 i32 i32)))
  (import "byway:transport/config@0.1.0" "get" (func $config (param i32)))
  (import "byway:transport/progress@0.1.0" "save" (func $save (param i32 i32 i32)))
  (import "byway:transport/command@0.1.0" "run"
    (func $run (param i32 i32 i32 i32 i32 i32 i32 i32)))

  (memory (export "memory")
    ;;@pages
    4)

  ;; description.name = "written"
  (data (i32.const 16) "written")
  (data (i32.const 1024) "\10\00\00\00\07\00\00\00")
  ;; Err(failure { kind: refused, code: "told-to", message: "told-to", … })
  (data (i32.const 32) "told-to")
  (data (i32.const 4096) "\01\00\00\00\00\00\00\00\02")
  (data (i32.const 4116) "\20\00\00\00\07\00\00\00\20\00\00\00\07\00\00\00")

  ;;@module

  ;; Gives memory from 64 KiB upwards and never takes it back: an instance serves one call.
  (global $free (mut i32) (i32.const 65536))
  (func (export "cabi_realloc")
    (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
    (local $given i32)
    ;;@realloc
    (local.set $given
      (i32.and
        (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
    (global.set $free (i32.add (local.get $given) (local.get $size)))
    (local.get $given))

  (func (export "byway:transport/adapter@0.1.0#describe") (result i32)
    ;;@describe
    (i32.const 1024))

  (func (export "byway:transport/adapter@0.1.0#check") (param $text i32) (param $length i32) (result i32)
    ;;@check
    (i32.const 2048))

  (func (export "byway:transport/adapter@0.1.0#probe") (result i32)
    ;;@probe
    (i32.const 3072))

  (func (export "byway:transport/adapter@0.1.0#send") (param $arguments i32) (result i32)
    ;;@send
    (i32.const 4096))
)
