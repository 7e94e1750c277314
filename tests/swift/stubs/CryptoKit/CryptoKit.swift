// The part of Apple's CryptoKit that the package uses, on the OpenSSL that the toolchain brings, so
// that signatures are really verified where CryptoKit is not.
import Foundation
import Glibc

public struct CryptoKitError: Error {}

public enum SHA256 {
  public static func hash(data: Data) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    _ = OpenSSL.sha256([UInt8](data), data.count, &digest)
    return digest
  }
}

public enum P256 {
  public enum Signing {
    public struct ECDSASignature {
      let der: [UInt8]

      /// r and s, 32 bytes each.
      public init<D: DataProtocol>(rawRepresentation: D) throws {
        guard rawRepresentation.count == 64 else { throw CryptoKitError() }
        let bytes = [UInt8](rawRepresentation)
        let body = Self.integer(bytes[..<32]) + Self.integer(bytes[32...])
        der = [0x30, UInt8(body.count)] + body
      }

      private static func integer(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var digits = Array(bytes.drop { $0 == 0 })
        if digits.first.map({ $0 >= 0x80 }) ?? true { digits.insert(0, at: 0) }
        return [0x02, UInt8(digits.count)] + digits
      }
    }

    public struct PublicKey {
      private let key: OpaquePointer

      public init(derRepresentation: some RandomAccessCollection<UInt8>) throws {
        let bytes = [UInt8](derRepresentation)
        let key = bytes.withUnsafeBufferPointer { buffer -> OpaquePointer? in
          var place = buffer.baseAddress
          return OpenSSL.publicKey(nil, &place, buffer.count)
        }
        guard let key else { throw CryptoKitError() }
        self.key = key
      }

      public func isValidSignature(
        _ signature: ECDSASignature, for data: some DataProtocol
      ) -> Bool {
        let context = OpenSSL.newContext()
        let bytes = [UInt8](data)
        return OpenSSL.begin(context, nil, OpenSSL.digest(), nil, key) == 1
          && OpenSSL.verify(context, signature.der, signature.der.count, bytes, bytes.count) == 1
      }
    }
  }
}

private enum OpenSSL {
  typealias Bytes = UnsafePointer<UInt8>
  nonisolated(unsafe) private static let library = dlopen("libcrypto.so.3", RTLD_NOW)!

  static let sha256 = function(
    "SHA256", as: (@convention(c) (Bytes, Int, UnsafeMutablePointer<UInt8>) -> OpaquePointer?).self)
  static let publicKey = function(
    "d2i_PUBKEY",
    as: (@convention(c) (OpaquePointer?, UnsafeMutablePointer<Bytes?>, Int) -> OpaquePointer?).self)
  static let newContext = function(
    "EVP_MD_CTX_new", as: (@convention(c) () -> OpaquePointer?).self)
  static let digest = function("EVP_sha256", as: (@convention(c) () -> OpaquePointer?).self)
  static let begin = function(
    "EVP_DigestVerifyInit",
    as: (@convention(c) (
      OpaquePointer?, OpaquePointer?, OpaquePointer?, OpaquePointer?, OpaquePointer?
    ) -> Int32).self)
  static let verify = function(
    "EVP_DigestVerify",
    as: (@convention(c) (OpaquePointer?, Bytes, Int, Bytes, Int) -> Int32).self)

  private static func function<Function>(_ name: String, as type: Function.Type) -> Function {
    unsafeBitCast(dlsym(library, name), to: type)
  }
}
