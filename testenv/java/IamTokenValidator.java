import java.net.URI;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.UnsupportedCallbackException;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.common.security.auth.AuthenticateCallbackHandler;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerToken;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallback;

/**
 * What a broker of Amazon MSK does with a token of AWS_MSK_IAM: checks the signed request in it.
 *
 * <p>The secret of every access key K is "canary-secret-of-K"; keys that begin with ASIA need the session token
 * "canary-token-of-K". Written from AWS's description of Signature Version 4, not from kferry's signer.
 */
public class IamTokenValidator implements AuthenticateCallbackHandler {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);

    @Override
    public void configure(Map<String, ?> configs, String mechanism, List<AppConfigurationEntry> entries) { }

    @Override
    public void close() { }

    @Override
    public void handle(Callback[] callbacks) throws UnsupportedCallbackException {
        for (Callback callback : callbacks) {
            if (!(callback instanceof OAuthBearerValidatorCallback)) throw new UnsupportedCallbackException(callback);
            OAuthBearerValidatorCallback asked = (OAuthBearerValidatorCallback) callback;
            try {
                asked.token(check(asked.tokenValue()));
            } catch (Exception refused) {
                System.err.println("IamTokenValidator: " + refused);
                asked.error("invalid_token", null, null);
            }
        }
    }

    private static OAuthBearerToken check(String token) throws Exception {
        URI url = URI.create(new String(Base64.getUrlDecoder().decode(token), StandardCharsets.UTF_8));
        Map<String, String> query = new TreeMap<>(); // RFC 3986 encodes so that this is the order of the encoded names, too
        for (String pair : url.getRawQuery().split("&")) {
            int at = pair.indexOf('=');
            query.put(decode(pair.substring(0, at)), decode(pair.substring(at + 1)));
        }
        require(query.remove("User-Agent") != null, "no user agent");
        String signature = query.remove("X-Amz-Signature");
        String[] scope = query.get("X-Amz-Credential").split("/");
        require("kafka-cluster:Connect".equals(query.get("Action")), "another action");
        require(url.getHost().equals("kafka." + scope[2] + ".amazonaws.com"), "another host");
        require(scope[3].equals("kafka-cluster") && scope[4].equals("aws4_request"), "another service");
        String key = scope[0];
        if (key.startsWith("ASIA")) {
            require(("canary-token-of-" + key).equals(query.get("X-Amz-Security-Token")), "another session token");
        }
        require(signed(url.getHost(), query, scope, "canary-secret-of-" + key).equals(signature), "another signature");
        Instant made = Instant.from(TIME.parse(query.get("X-Amz-Date")));
        Instant ends = made.plusSeconds(Long.parseLong(query.get("X-Amz-Expires")));
        require(Instant.now().isBefore(ends) && Instant.now().plusSeconds(60).isAfter(made), "not now");
        return new Token(token, made.toEpochMilli(), ends.toEpochMilli());
    }

    private static String signed(String host, Map<String, String> query, String[] scope, String secret) throws Exception {
        StringBuilder canonical = new StringBuilder();
        for (Map.Entry<String, String> one : query.entrySet()) {
            canonical.append(canonical.length() == 0 ? "" : "&").append(encode(one.getKey())).append('=').append(encode(one.getValue()));
        }
        String request = "GET\n/\n" + canonical + "\nhost:" + host + "\n\nhost\n" + hash("");
        String scoped = String.join("/", List.of(scope).subList(1, 5));
        byte[] signing = ("AWS4" + secret).getBytes(StandardCharsets.UTF_8);
        for (int part = 1; part < 5; ++part) signing = hmac(signing, scope[part]);
        String text = "AWS4-HMAC-SHA256\n" + query.get("X-Amz-Date") + "\n" + scoped + "\n" + hash(request);
        return HexFormat.of().formatHex(hmac(signing, text));
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) throw new IllegalArgumentException(otherwise);
    }

    private static String decode(String text) {
        return URLDecoder.decode(text, StandardCharsets.UTF_8);
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20").replace("*", "%2A").replace("%7E", "~");
    }

    private static String hash(String text) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
    }

    private static byte[] hmac(byte[] key, String text) throws Exception {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
    }

    private record Token(String value, Long startTimeMs, long lifetimeMs) implements OAuthBearerToken {
        @Override
        public Set<String> scope() {
            return Set.of();
        }

        @Override
        public String principalName() {
            return "app";
        }
    }
}
