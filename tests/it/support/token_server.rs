//! stub
pub struct TokenServer {}
impl TokenServer {
    pub fn root_certificate(&self) -> String {
        String::new()
    }
    pub fn realm(&self) -> String {
        String::new()
    }
    pub fn service(&self) -> String {
        String::new()
    }
    pub fn issuer(&self) -> String {
        String::new()
    }
}
