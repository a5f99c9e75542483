//! The messages of docs/contract.md and hcsshim's Options, as prost-build would make them.

use prost::Message;
use prost_types::Any;
use std::collections::HashMap;

#[derive(Clone, PartialEq, Message)]
pub struct Extension {
    #[prost(message, optional, tag = "1")] pub value: Option<Any>,
}

#[derive(Clone, PartialEq, Message)]
pub struct BootstrapParams {
    #[prost(string, tag = "1")] pub instance_id: String,
    #[prost(string, tag = "2")] pub namespace: String,
    #[prost(int32, tag = "3")] pub log_level: i32, // an enum, of which any number may come
    #[prost(string, tag = "4")] pub containerd_version: String,
    #[prost(string, tag = "5")] pub containerd_ttrpc_address: String,
    #[prost(string, tag = "6")] pub containerd_grpc_address: String,
    #[prost(string, tag = "7")] pub containerd_binary: String,
    #[prost(message, repeated, tag = "8")] pub extensions: Vec<Extension>,
    #[prost(string, optional, tag = "9")] pub socket_dir: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Options {
    #[prost(bool, tag = "1")] pub debug: bool,
    #[prost(int32, tag = "2")] pub debug_type: i32, // an enum
    #[prost(string, tag = "3")] pub registry_root: String,
    #[prost(string, tag = "4")] pub sandbox_image: String,
    #[prost(string, tag = "5")] pub sandbox_platform: String,
    #[prost(int32, tag = "6")] pub sandbox_isolation: i32, // an enum
    #[prost(string, tag = "7")] pub boot_files_root_path: String,
    #[prost(int32, tag = "8")] pub vm_processor_count: i32,
    #[prost(int32, tag = "9")] pub vm_memory_size_in_mb: i32,
    #[prost(string, tag = "10")] pub gpu_vhd_path: String,
    #[prost(bool, tag = "11")] pub scale_cpu_limits_to_sandbox: bool,
    #[prost(int32, tag = "12")] pub default_container_scratch_size_in_gb: i32,
    #[prost(int32, tag = "13")] pub default_vm_scratch_size_in_gb: i32,
    #[prost(bool, tag = "14")] pub share_scratch: bool,
    #[prost(string, tag = "15")] pub nc_proxy_addr: String,
    #[prost(string, tag = "16")] pub log_level: String,
    #[prost(int32, tag = "17")] pub io_retry_timeout_in_sec: i32,
    #[prost(map = "string, string", tag = "18")] pub default_container_annotations: HashMap<String, String>,
    #[prost(bool, tag = "19")] pub no_inherit_host_timezone: bool,
    #[prost(bool, optional, tag = "20")] pub scrub_logs: Option<bool>,
}
